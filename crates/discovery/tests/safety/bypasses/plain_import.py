# a plain import | ratio1 catches | strict catches | proves pid
import os
print('escaped', os.getpid())
