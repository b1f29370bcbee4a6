# everything out of a module | ratio1 catches | strict catches | proves pid
from os import *
print('escaped', getpid())
