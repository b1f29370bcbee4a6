# the same through an argument | ratio1 misses | strict misses | proves marker
from json import JSONEncoder

def change(target):
    target.default = lambda self, value: print('escaped')

change(JSONEncoder)
import json
json.dumps({'a': object()})
