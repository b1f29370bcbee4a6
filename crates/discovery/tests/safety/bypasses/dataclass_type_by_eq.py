# type itself caught by an __eq__ | ratio1 misses | strict catches | proves pid | needs <3.14
from dataclasses import dataclass
kept = []

class Catch:
    def __eq__(self, other):
        kept.append(other)
        return True

type(int) == Catch()
A = kept[0]('A', (), {'__annotations__': {"a if 0 else print('escaped', __import__('os').getpid())": int}})
dataclass(init=False, repr=False)(A)
A() == A()
