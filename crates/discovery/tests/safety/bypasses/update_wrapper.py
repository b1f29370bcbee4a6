# functools.update_wrapper copies attributes by name | ratio1 misses | strict catches | proves pid
import functools

class Sink:
    def __setattr__(self, name, value):
        if name == '__globals__':
            self.__dict__['found'] = value

sink = Sink()
functools.update_wrapper(sink, lambda: 0, assigned=('__globals__',), updated=())
print('escaped', sink.found['__builtins__'].__import__('os').getpid())
