# operator.methodcaller calls by name | ratio1 catches | strict catches | proves pid
import operator
subclasses = operator.methodcaller('__subclasses__')
found = [one for one in subclasses(object) if one.__name__ == '_wrap_close']
print('escaped', found[0].__init__.__globals__['getpid']())
