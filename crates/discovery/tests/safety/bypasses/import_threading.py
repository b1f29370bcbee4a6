# a module that holds os | ratio1 catches | strict catches | proves pid
import threading
print('escaped', threading._os.getpid())
