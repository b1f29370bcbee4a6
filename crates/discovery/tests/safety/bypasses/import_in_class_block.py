# the same in a block of the class | ratio1 misses | strict catches | proves pid
class A:
    if True:
        import enum as names

print('escaped', A.names.bltns.__import__('os').getpid())
