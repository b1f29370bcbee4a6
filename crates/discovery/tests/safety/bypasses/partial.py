# a builtin through functools.partial | ratio1 misses | strict catches | proves pid
from functools import partial
print('escaped', partial(__import__, 'os')().getpid())
