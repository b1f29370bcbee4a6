# runpy runs a module | ratio1 catches | strict catches | proves pid
import runpy
print('escaped', runpy.run_module('os')['getpid']())
