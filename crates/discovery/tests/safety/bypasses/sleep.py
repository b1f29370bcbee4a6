# a thread of the host held up | ratio1 misses | strict misses | proves marker
import time
time.sleep(0.01)
print('escaped')
