# the class of an object exchanged | ratio1 misses | strict catches | proves pid
class A:
    pass

class B:
    def run(self):
        print('escaped', __import__('os').getpid())

a = A()
a.__class__ = B
a.run()
