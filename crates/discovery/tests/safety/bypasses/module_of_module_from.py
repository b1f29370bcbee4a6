# the same as an import from | ratio1 misses | strict catches | proves pid
from random import _os as numbers_
print('escaped', numbers_.getpid())
