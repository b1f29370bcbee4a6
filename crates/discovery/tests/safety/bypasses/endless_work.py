# a regular expression that takes for ever (here: long enough) | ratio1 misses | strict misses | proves marker
import re
re.match('(a+)+$', 'a' * 22 + 'b')
print('escaped')
