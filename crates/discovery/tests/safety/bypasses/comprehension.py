# code in a comprehension | ratio1 misses | strict catches | proves pid
print('escaped', [load('os') for load in [__import__]][0].getpid())
