# an attribute in a field within a field | ratio1 misses | strict catches | proves marker
class A:
    width = 3

print('escaped', '{0:{1.width}}'.format(1, A()))
