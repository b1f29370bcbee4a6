# code in the default of an argument | ratio1 misses | strict catches | proves pid
def run(x=__import__('os')):
    print('escaped', x.getpid())

run()
