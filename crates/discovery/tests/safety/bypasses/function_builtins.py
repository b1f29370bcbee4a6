# builtins of a function | ratio1 misses | strict catches | proves pid
print('escaped', (lambda: 0).__builtins__['__import__']('os').getpid())
