# code that runs when an object goes | ratio1 misses | strict catches | proves pid
class A:
    def __del__(self):
        print('escaped', __import__('os').getpid())

A()
