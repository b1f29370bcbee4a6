# a submodule brings its package | ratio1 catches | strict catches | proves pid
import os.path
print('escaped', os.getpid())
