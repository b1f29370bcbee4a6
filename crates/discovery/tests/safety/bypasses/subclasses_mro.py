# the same by __mro__ | ratio1 misses | strict catches | proves pid
found = [one for one in ''.__class__.__mro__[-1].__subclasses__() if one.__name__ == '_wrap_close']
print('escaped', found[0].__init__.__globals__['getpid']())
