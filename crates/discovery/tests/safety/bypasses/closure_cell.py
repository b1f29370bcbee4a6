# a class found in its own cell | ratio1 misses | strict catches | proves pid
class A:
    def run(self):
        return __class__.__base__.__subclasses__()

found = [one for one in A().run() if one.__name__ == '_wrap_close']
print('escaped', found[0].__init__.__globals__['getpid']())
