# globals of a function | ratio1 misses | strict catches | proves pid
print('escaped', (lambda: 0).__globals__['__builtins__'].__import__('os').getpid())
