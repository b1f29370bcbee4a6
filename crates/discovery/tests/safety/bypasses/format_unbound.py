# str.format as a function | ratio1 misses | strict catches | proves marker
print('escaped', str.format('{0.__class__.__base__}', 0))
