# vars() of a module | ratio1 catches | strict catches | proves pid
import random
print('escaped', vars(random)['_os'].getpid())
