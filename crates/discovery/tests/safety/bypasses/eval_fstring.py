# eval within an f-string | ratio1 catches | strict catches | proves pid
print(f"escaped {eval('__import__(chr(111) + chr(115)).getpid()')}")
