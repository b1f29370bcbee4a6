# the same with a class made by type() | ratio1 misses | strict catches | proves pid | needs <3.14
from dataclasses import dataclass

A = type('A', (), {'__annotations__': {"a if 0 else print('escaped', __import__('os').getpid())": int}})
dataclass(init=False, repr=False)(A)
A() == A()
