# a function that answers for the attributes of the module | ratio1 misses | strict catches | proves pid
def __getattr__(name):
    return __import__(name)

print('escaped', __getattr__('os').getpid())
