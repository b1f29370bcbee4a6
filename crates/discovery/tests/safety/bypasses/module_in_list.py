# a module in a list | ratio1 misses | strict catches | proves pid
import random
print('escaped', [random][0]._os.getpid())
