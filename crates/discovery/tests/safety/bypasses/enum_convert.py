# enum takes members out of any loaded module | ratio1 misses | strict catches | proves pid
from enum import Enum
Found = Enum._convert_('Found', 'posix', lambda name: name == 'getpid')
print('escaped', Found['getpid'].value())
