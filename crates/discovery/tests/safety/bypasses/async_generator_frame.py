# the frame of an asynchronous generator | ratio1 misses | strict catches | proves pid
async def run():
    yield

print('escaped', run().ag_frame.f_builtins['__import__']('os').getpid())
