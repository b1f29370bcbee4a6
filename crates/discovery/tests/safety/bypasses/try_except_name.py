# an exception that holds what was missing | ratio1 misses | strict catches | proves pid
try:
    import random
    random._os
    raise AttributeError(name='x', obj=random._os)
except AttributeError as error:
    print('escaped', error.obj.getpid())
