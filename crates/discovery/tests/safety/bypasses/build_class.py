# the builtin that makes classes | ratio1 misses | strict catches | proves pid
class A:
    pass

__build_class__(lambda: print('escaped', __import__('os').getpid()), 'B')
