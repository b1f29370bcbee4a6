# every object of the process | ratio1 catches | strict catches | proves pid
import gc, types
found = [one for one in gc.get_objects() if type(one) is types.ModuleType and one.__name__ == 'posix']
print('escaped', found[0].getpid())
