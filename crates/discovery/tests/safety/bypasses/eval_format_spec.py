# eval within the format of an f-string | ratio1 catches | strict catches | proves pid
print(f"escaped {__import__('os').getpid():{eval('1')}}")
