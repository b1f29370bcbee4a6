# contextlib holds os | ratio1 misses | strict catches | proves pid
import contextlib
print('escaped', contextlib.os.getpid())
