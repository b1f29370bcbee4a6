# code that runs when a class is derived | ratio1 misses | strict catches | proves pid
class A:
    def __init_subclass__(cls):
        print('escaped', cls.__init_subclass__.__func__.__globals__['__builtins__'].__import__('os').getpid())

class B(A):
    pass
