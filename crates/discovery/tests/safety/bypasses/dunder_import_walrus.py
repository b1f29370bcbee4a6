# `__import__` bound by a walrus in an expression | ratio1 misses | strict catches | proves pid
print('escaped', (load := __import__)('os').getpid())
