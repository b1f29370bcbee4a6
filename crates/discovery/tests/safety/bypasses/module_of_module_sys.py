# dataclasses.sys | ratio1 misses | strict catches | proves pid
import dataclasses
print('escaped', dataclasses.sys.modules['os'].getpid())
