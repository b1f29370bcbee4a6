# the frame of a coroutine | ratio1 misses | strict catches | proves pid
async def run():
    pass

coroutine = run()
print('escaped', coroutine.cr_frame.f_builtins['__import__']('os').getpid())
coroutine.close()
