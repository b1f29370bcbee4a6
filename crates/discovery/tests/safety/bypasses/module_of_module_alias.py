# the same through another name for the module | ratio1 misses | strict catches | proves pid
import random
other = random
print('escaped', other._os.getpid())
