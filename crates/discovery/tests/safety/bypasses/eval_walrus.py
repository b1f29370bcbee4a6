# eval bound by a walrus | ratio1 catches | strict catches | proves pid
print('escaped', (run := eval)('__import__("os").getpid()'))
