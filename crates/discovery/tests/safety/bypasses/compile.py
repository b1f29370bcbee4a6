# compile, and a function made of the code | ratio1 misses | strict catches | proves pid
code = compile("print('escaped', __import__('os').getpid())", 'x', 'exec')
type(lambda: 0)(code, {})()
