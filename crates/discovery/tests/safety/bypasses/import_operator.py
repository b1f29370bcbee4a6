# operator.attrgetter reads attributes by name | ratio1 catches | strict catches | proves pid
from operator import attrgetter
print('escaped', attrgetter('__globals__')(lambda: 0)['__builtins__'].__import__('os').getpid())
