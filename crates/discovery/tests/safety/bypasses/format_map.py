# the same by format_map | ratio1 misses | strict catches | proves marker
print('escaped', '{a.__class__}'.format_map({'a': 0}))
