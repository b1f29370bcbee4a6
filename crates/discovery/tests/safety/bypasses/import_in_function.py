# an import inside of a function | ratio1 catches | strict catches | proves pid
def run():
    import os
    return os.getpid()

print('escaped', run())
