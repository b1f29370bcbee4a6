# a parameter that is called what a builtin is called has it as its default | ratio1 catches | strict catches | proves pid
def run(text, eval=eval):
    return eval(text)


print('escaped', run("__import__('os').getpid()"))
