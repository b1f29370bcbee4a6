import json as a, os as b
from re import compile as c
