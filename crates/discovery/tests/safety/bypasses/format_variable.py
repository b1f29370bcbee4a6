# the same with the string in a variable | ratio1 misses | strict catches | proves marker
text = '{0.__class__.__mro__}'
print('escaped', text.format(0))
