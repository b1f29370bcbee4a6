import json
import re
class A:
    pass
