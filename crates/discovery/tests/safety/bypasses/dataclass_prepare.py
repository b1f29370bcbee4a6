# the same with a namespace from __prepare__ | ratio1 misses | strict catches | proves pid | needs <3.14
from abc import ABCMeta
from dataclasses import dataclass

class Meta(ABCMeta):
    @classmethod
    def __prepare__(mcs, name, bases):
        return {'__annotations__': {"a if 0 else print('escaped', __import__('os').getpid())": int}}

@dataclass(init=False, repr=False)
class A(metaclass=Meta):
    pass

A() == A()
