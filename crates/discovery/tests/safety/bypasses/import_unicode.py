# a module name in letters that only look otherwise | ratio1 catches | strict catches | proves pid
import ｏｓ
print('escaped', os.getpid())
