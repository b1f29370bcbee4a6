# `__import__` under another name | ratio1 misses | strict catches | proves pid
load = __import__
print('escaped', load('os').getpid())
