# attributes read through super() | ratio1 misses | strict catches | proves pid
class A:
    def run(self, other):
        return super().__getattribute__('run')

print('escaped', A().run(0).__func__.__globals__['__builtins__'].__import__('os').getpid())
