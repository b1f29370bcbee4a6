# get_type_hints evaluates annotations in quotes | ratio1 misses | strict catches | proves pid
import typing

def f(x: "print('escaped', __import__('os').getpid())"):
    pass

typing.get_type_hints(f)
