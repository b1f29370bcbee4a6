# delattr takes away what others use | ratio1 misses | strict catches | proves pid
import json
delattr(json, 'dumps')
print('escaped', __import__('os').getpid())
