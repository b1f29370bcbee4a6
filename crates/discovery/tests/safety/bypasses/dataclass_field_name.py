# the name of a field changed to code before a class is derived | ratio1 misses | strict catches | proves pid
from dataclasses import dataclass, fields

@dataclass(init=False, repr=False)
class A:
    x: int

fields(A)[0].name = "a if 0 else print('escaped', __import__('os').getpid())"

@dataclass(init=False, repr=False)
class B(A):
    pass

B() == B()
