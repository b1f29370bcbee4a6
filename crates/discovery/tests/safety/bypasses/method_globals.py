# globals of a method | ratio1 misses | strict catches | proves pid
class A:
    def run(self):
        pass

print('escaped', A().run.__func__.__globals__['__builtins__'].__import__('os').getpid())
