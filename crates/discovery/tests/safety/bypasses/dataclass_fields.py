# dataclass writes names of fields into code | ratio1 misses | strict catches | proves pid | needs <3.14
from dataclasses import dataclass

@dataclass(init=False, repr=False)
class A:
    __annotations__ = {"a if 0 else print('escaped', __import__('os').getpid())": int}

A() == A()
