# a descriptor out of a class dictionary | ratio1 misses | strict catches | proves pid
function = type(lambda: 0)
print('escaped', function.__dict__['__globals__'].__get__(lambda: 0)['__builtins__'].__import__('os').getpid())
