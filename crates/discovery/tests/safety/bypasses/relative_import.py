# a relative import of something named like an allowed package (and its absolute twin) | ratio1 misses | strict catches | proves pid
try:
    from .json import loads
except ImportError:
    pass
print('escaped', __import__('os').getpid())
