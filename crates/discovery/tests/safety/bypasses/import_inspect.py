# frames from inspect | ratio1 catches | strict catches | proves pid
import inspect
print('escaped', inspect.currentframe().f_builtins['__import__']('os').getpid())
