# getattr with a name put together | ratio1 catches | strict catches | proves pid
print('escaped', getattr(print, '__se' + 'lf__').__import__('os').getpid())
