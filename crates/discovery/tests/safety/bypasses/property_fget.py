# a function out of a property | ratio1 misses | strict catches | proves pid
class A:
    @property
    def run(self):
        return 0

print('escaped', A.run.fget.__globals__['__builtins__'].__import__('os').getpid())
