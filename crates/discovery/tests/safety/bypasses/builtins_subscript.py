# __builtins__ as a module or a dictionary | ratio1 catches | strict catches | proves pid
found = __builtins__
print('escaped', found.__import__('os').getpid())
