# sys.modules | ratio1 catches | strict catches | proves pid
import sys
print('escaped', sys.modules['os'].getpid())
