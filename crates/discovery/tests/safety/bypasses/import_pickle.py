# pickle runs what it reads | ratio1 catches | strict catches | proves pid
import pickle
print('escaped', pickle.loads(b'cos\ngetpid\n(tR.'))
