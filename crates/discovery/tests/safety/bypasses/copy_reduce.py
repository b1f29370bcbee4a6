# copy sets attributes that __reduce_ex__ names | ratio1 misses | strict catches | proves pid | needs <3.14
import copy
from dataclasses import dataclass

class Target:
    pass

class Source:
    def __reduce_ex__(self, protocol):
        return (lambda: Target), (), (None, {'__annotations__': {"a if 0 else print('escaped', __import__('os').getpid())": int}})

A = dataclass(init=False, repr=False)(copy.copy(Source()))
A() == A()
