# a format string reads an attribute | ratio1 misses | strict catches | proves marker
class A:
    def __init__(self):
        pass

print('escaped', '{0.__init__.__globals__[__name__]}'.format(A()))
