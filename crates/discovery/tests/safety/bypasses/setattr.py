# setattr changes what others use | ratio1 misses | strict catches | proves marker
import json

class Mine(json.JSONEncoder):
    pass

setattr(json, 'dumps', lambda *_: print('escaped'))
json.dumps(0)
