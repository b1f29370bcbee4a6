# functions and code from types | ratio1 catches | strict catches | proves pid
import types
run = types.FunctionType(compile("print('escaped', __import__('os').getpid())", 'x', 'exec'), {})
run()
