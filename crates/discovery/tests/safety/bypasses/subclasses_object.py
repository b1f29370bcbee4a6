# object by its name | ratio1 misses | strict catches | proves pid
for one in object.__subclasses__():
    if one.__name__ == '_wrap_close':
        print('escaped', one.__init__.__globals__['getpid']())
