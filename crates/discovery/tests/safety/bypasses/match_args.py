# attributes named by __match_args__ | ratio1 misses | strict catches | proves pid
class Any(type):
    def __instancecheck__(cls, other):
        return True

class Function(metaclass=Any):
    __match_args__ = ('__globals__',)

match (lambda: 0):
    case Function(found):
        print('escaped', found['__builtins__'].__import__('os').getpid())
