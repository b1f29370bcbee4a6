# builtins imported for its eval | ratio1 catches | strict catches | proves pid
import builtins
print('escaped', builtins.eval('__import__("os").getpid()'))
