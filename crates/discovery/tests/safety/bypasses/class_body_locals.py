# names of a class body put in by locals() | ratio1 catches | strict catches | proves pid
class A:
    locals()['run'] = __import__

print('escaped', A.run('os').getpid())
