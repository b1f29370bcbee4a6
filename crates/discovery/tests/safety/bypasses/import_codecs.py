# codecs opens files | ratio1 catches | strict catches | proves pid
import codecs
with codecs.open('/proc/self/stat') as file:
    print('escaped', file.read().split()[0])
