# `__import__` as a decorator of a class made into a name | ratio1 misses | strict catches | proves pid
def named(cls):
    return 'os'

@__import__
@named
class module:
    pass

print('escaped', module.getpid())
