# eval | ratio1 catches | strict catches | proves pid
print('escaped', eval('__import__("os").getpid()'))
