# type.__subclasses__ | ratio1 misses | strict catches | proves pid
for one in type.__subclasses__(object):
    if one.__name__ == '_wrap_close':
        print('escaped', one.__init__.__globals__['getpid']())
