# importlib | ratio1 catches | strict catches | proves pid
import importlib
print('escaped', importlib.import_module('os').getpid())
