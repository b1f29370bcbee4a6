# getattr with a special name | ratio1 catches | strict catches | proves pid
print('escaped', getattr(print, '__self__').__import__('os').getpid())
