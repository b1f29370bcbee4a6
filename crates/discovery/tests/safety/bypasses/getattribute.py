# attributes read by __getattribute__ | ratio1 misses | strict catches | proves pid
read = object.__getattribute__
print('escaped', read(lambda: 0, '__glo' + 'bals__')['__builtins__'].__import__('os').getpid())
