# dunders one after another in a subscript | ratio1 misses | strict catches | proves marker
print('escaped', [].append.__self__.__class__.__base__.__subclasses__.__self__.__subclasses__()[0].__name__)
