# the C library | ratio1 catches | strict catches | proves pid
import ctypes
print('escaped', ctypes.CDLL(None).getpid())
