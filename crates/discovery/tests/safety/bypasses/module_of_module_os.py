# a module that an allowed one imports: random._os | ratio1 misses | strict catches | proves pid
import random
print('escaped', random._os.getpid())
