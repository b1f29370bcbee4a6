# code in what is excepted | ratio1 misses | strict catches | proves pid
try:
    1 / 0
except (print('escaped', __import__('os').getpid()), ZeroDivisionError)[1]:
    pass
