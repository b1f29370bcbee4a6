# names through the annotations of the module | ratio1 misses | strict catches | proves pid | needs <3.14
x: __import__('os') = 0
print('escaped', __annotations__['x'].getpid())
