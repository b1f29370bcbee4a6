# json.codecs opens files | ratio1 misses | strict catches | proves pid
import json
with json.codecs.open('/proc/self/stat') as file:
    print('escaped', file.read().split()[0])
