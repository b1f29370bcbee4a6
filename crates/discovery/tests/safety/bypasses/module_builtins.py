# builtins of an allowed module | ratio1 misses | strict catches | proves pid
import json
print('escaped', json.__builtins__['__import__']('os').getpid())
