# the dictionary of an allowed module | ratio1 misses | strict catches | proves pid
import random
print('escaped', random.__dict__['_os'].getpid())
