# code in an annotation | ratio1 misses | strict catches | proves pid
def run(x: print('escaped', __import__('os').getpid())):
    pass

run.__annotations__
