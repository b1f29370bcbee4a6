# functools.wraps does the same | ratio1 misses | strict catches | proves pid
from functools import wraps

class Sink:
    kept = []
    def __setattr__(self, name, value):
        if name.endswith('globals__'):
            Sink.kept.append(value)

wraps(lambda: 0, ('__glo' + 'bals__',), ())(Sink())
print('escaped', Sink.kept[0]['__builtins__'].__import__('os').getpid())
