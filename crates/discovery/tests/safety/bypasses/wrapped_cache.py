# a function behind its cache | ratio1 misses | strict catches | proves pid
from functools import lru_cache

@lru_cache
def run():
    pass

print('escaped', run.__wrapped__.__globals__['__builtins__'].__import__('os').getpid())
