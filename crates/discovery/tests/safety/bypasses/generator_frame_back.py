# frames behind a generator | ratio1 misses | strict catches | proves pid
def run():
    yield frame.gi_frame.f_back.f_globals['__builtins__']

frame = run()
for found in frame:
    print('escaped', found.__import__('os').getpid())
