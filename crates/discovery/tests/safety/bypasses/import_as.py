# a module under another name | ratio1 catches | strict catches | proves pid
import os as math
print('escaped', math.getpid())
