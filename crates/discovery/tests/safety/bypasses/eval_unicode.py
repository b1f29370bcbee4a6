# eval in letters that only look otherwise | ratio1 catches | strict catches | proves pid
print('escaped', ｅｖａｌ('__import__("os").getpid()'))
