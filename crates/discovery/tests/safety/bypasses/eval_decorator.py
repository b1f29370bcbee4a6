# exec as a decorator | ratio1 catches | strict catches | proves pid
def source(function):
    return "print('escaped', __import__('os').getpid())"

@exec
@source
def run():
    pass
