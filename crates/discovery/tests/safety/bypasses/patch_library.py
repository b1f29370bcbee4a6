# a function of the library replaced | ratio1 misses | strict catches | proves marker
import json
json.dumps = lambda *_: print('escaped')
json.dumps(0)
