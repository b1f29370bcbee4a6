# eval under another name | ratio1 catches | strict catches | proves pid
run = eval
print('escaped', run('__import__("os").getpid()'))
