# the module that a builtin function belongs to | ratio1 misses | strict catches | proves pid
print('escaped', print.__self__.__import__('os').getpid())
