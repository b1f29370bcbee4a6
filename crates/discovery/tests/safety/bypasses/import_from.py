# from os import | ratio1 catches | strict catches | proves pid
from os import getpid
print('escaped', getpid())
