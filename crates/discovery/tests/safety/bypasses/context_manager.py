# the function behind a context manager | ratio1 misses | strict catches | proves pid
from contextlib import contextmanager

@contextmanager
def run():
    yield

print('escaped', run().gen.gi_frame.f_builtins['__import__']('os').getpid())
