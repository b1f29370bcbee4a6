# enum.bltns is builtins | ratio1 misses | strict catches | proves pid
import enum
print('escaped', enum.bltns.__import__('os').getpid())
