# up to object and down to a class that knows os | ratio1 misses | strict catches | proves pid
found = [one for one in ().__class__.__bases__[0].__subclasses__() if one.__name__ == '_wrap_close']
print('escaped', found[0].__init__.__globals__['getpid']())
