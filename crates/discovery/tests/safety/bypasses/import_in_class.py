# a module as an attribute of the class that imports it | ratio1 misses | strict catches | proves pid
class A:
    import typing

def f(x: "print('escaped', __import__('os').getpid())"):
    pass

A.typing.get_type_hints(f)
