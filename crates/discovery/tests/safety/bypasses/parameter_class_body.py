# below a parameter of that name the body of a class reaches the builtin again | ratio1 catches | strict catches | proves pid
def outer(eval):
    class Inner:
        global eval
        found = eval("__import__('os').getpid()")

    return Inner.found


print('escaped', outer(None))
