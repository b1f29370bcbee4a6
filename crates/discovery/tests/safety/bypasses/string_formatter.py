# string.Formatter hands out attributes | ratio1 misses | strict catches | proves pid
import string
found, _ = string.Formatter().get_field('0.__globals__', [lambda: 0], {})
print('escaped', found['__builtins__'].__import__('os').getpid())
