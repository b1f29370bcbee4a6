import functools
from contextlib import contextmanager


def counted(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        inner.calls += 1
        return function(*args, **kwargs)

    inner.calls = 0
    return inner


@contextmanager
def quiet():
    try:
        yield
    except ValueError as error:
        print("passed over:", error)


@counted
def square(x):
    return x * x


@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
