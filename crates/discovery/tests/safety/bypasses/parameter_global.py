# below a parameter of that name a function reaches the builtin again | ratio1 catches | strict catches | proves pid
def outer(eval):
    def inner(text):
        global eval
        return eval(text)

    return inner


print('escaped', outer(None)("__import__('os').getpid()"))
