# the traceback of an exception | ratio1 catches | strict catches | proves pid
try:
    1 / 0
except ZeroDivisionError as error:
    print('escaped', error.__traceback__.tb_frame.f_builtins['__import__']('os').getpid())
