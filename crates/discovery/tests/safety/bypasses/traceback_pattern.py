# the same read by a pattern | ratio1 misses | strict catches | proves pid
try:
    1 / 0
except ZeroDivisionError as error:
    match error:
        case ZeroDivisionError(__traceback__=found):
            print('escaped', found.tb_frame.f_builtins['__import__']('os').getpid())
