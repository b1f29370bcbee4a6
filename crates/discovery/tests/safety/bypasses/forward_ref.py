# the same through a class of typing | ratio1 misses | strict catches | proves pid
from typing import ForwardRef, get_type_hints

class A:
    x: ForwardRef("__import__('os').getpid()")

try:
    get_type_hints(A)
except TypeError as error:
    pass

class B:
    x: "print('escaped', __import__('os').getpid())"

get_type_hints(B)
