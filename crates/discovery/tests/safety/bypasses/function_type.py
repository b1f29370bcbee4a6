# a function made of another one's code | ratio1 misses | strict catches | proves pid
make = type(lambda: 0)
run = make((lambda: __import__('os').getpid()).__code__, {})
print('escaped', run())
