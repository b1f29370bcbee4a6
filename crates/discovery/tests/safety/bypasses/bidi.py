# a direction mark that shows a string as code | ratio1 misses | strict catches | proves pid
level = 'user‮'
print('escaped', __import__('os').getpid())
