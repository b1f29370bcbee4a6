# the specification of a module | ratio1 misses | strict catches | proves pid
import json
print('escaped', json.__spec__.loader.__class__.exec_module.__globals__['sys'].modules['os'].getpid())
