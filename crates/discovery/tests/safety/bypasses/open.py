# open | ratio1 catches | strict catches | proves pid
print('escaped', open('/proc/self/stat').read().split()[0])
