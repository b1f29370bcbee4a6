# breakpoint runs what a hook names | ratio1 misses | strict catches | proves pid
import dataclasses
dataclasses.sys.breakpointhook = print
breakpoint('escaped', dataclasses.sys.modules['os'].getpid())
