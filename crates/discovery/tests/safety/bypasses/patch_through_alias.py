# a class of the library changed through another name for it | ratio1 misses | strict misses | proves marker
import json
encoder = json.JSONEncoder
encoder.default = lambda self, value: print('escaped')
json.dumps({'a': object()}, default=None)
