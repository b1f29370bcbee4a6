# functools.singledispatch evaluates annotations | ratio1 misses | strict catches | proves pid
import functools

@functools.singledispatch
def f(x):
    pass

try:
    @f.register
    def g(x: "print('escaped', __import__('os').getpid())"):
        pass
except TypeError:
    pass
