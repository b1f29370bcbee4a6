# the same with a field that was kept | ratio1 misses | strict catches | proves pid
from dataclasses import dataclass, field
kept = field()

@dataclass(init=False, repr=False)
class A:
    x: int = kept

kept.name = "a if 0 else print('escaped', __import__('os').getpid())"

@dataclass(init=False, repr=False)
class B(A):
    pass

B() == B()
