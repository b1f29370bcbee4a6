# a function with its code replaced | ratio1 misses | strict catches | proves pid
def run():
    return 0

def other():
    return __import__('os').getpid()

run.__code__ = other.__code__
print('escaped', run())
