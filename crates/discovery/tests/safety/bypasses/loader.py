# the loader of this module | ratio1 misses | strict catches | proves pid
print('escaped', __loader__.__class__.__init__.__globals__['sys'].modules['os'].getpid())
