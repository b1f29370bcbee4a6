# the same by the method mro | ratio1 misses | strict catches | proves pid
found = [one for one in int.mro()[-1].__subclasses__() if one.__name__ == '_wrap_close']
print('escaped', found[0].__init__.__globals__['getpid']())
