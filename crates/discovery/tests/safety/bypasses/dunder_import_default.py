# `__import__` as a default of a lambda | ratio1 misses | strict catches | proves pid
load = lambda name, run=__import__: run(name)
print('escaped', load('os').getpid())
