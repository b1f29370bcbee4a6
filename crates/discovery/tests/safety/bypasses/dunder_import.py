# `__import__` called by name | ratio1 misses | strict catches | proves pid
print('escaped', __import__('os').getpid())
