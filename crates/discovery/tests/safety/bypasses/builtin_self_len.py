# the same in two steps | ratio1 misses | strict catches | proves pid
owner = len.__self__
run = owner.eval
print('escaped', run('__import__("os").getpid()'))
