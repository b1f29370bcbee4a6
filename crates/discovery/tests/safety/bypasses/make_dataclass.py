# make_dataclass with a namespace of its own | ratio1 misses | strict catches | proves pid
from dataclasses import make_dataclass

class Fields(list):
    pass

def post(self):
    print('escaped', __import__('os').getpid())

make_dataclass('A', ['x'], namespace={'__post_init__': post})(1)
