# globals() | ratio1 catches | strict catches | proves pid
print('escaped', globals()['__builtins__'].__import__('os').getpid())
