# `__import__` handed to map | ratio1 misses | strict catches | proves pid
for module in map(__import__, ['os']):
    print('escaped', module.getpid())
