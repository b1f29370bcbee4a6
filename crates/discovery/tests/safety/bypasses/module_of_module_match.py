# an attribute of a module read by a pattern | ratio1 misses | strict catches | proves pid
import random

class Any(type):
    def __instancecheck__(cls, other):
        return True

class Module(metaclass=Any):
    pass

match random:
    case Module(_os=found):
        print('escaped', found.getpid())
