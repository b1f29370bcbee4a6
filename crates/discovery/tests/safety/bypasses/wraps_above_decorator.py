# the same through a decorator that exchanges what is decorated | ratio1 misses | strict catches | proves pid | needs <3.14
from dataclasses import dataclass
from functools import wraps

class Fake:
    def __getattr__(self, name):
        if name.startswith('__annotations'):
            return {"a if 0 else print('escaped', __import__('os').getpid())": int}
        raise AttributeError(name)

class A:
    pass

try:
    @wraps(Fake())
    @lambda function: A
    def run():
        pass
except AttributeError:
    pass

dataclass(init=False, repr=False)(A)
A() == A()
