# memory through a view | ratio1 catches | strict catches | proves marker
print('escaped', len(memoryview(b'abc')))
