# a module as an argument, its attribute read elsewhere | ratio1 misses | strict catches | proves pid
import random

def read(self):
    return self._os

print('escaped', read(random).getpid())
