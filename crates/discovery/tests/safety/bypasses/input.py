# input reads the host's standard input | ratio1 misses | strict catches | proves marker
try:
    input()
except EOFError:
    print('escaped')
