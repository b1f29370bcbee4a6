# a traceback handed to __exit__ | ratio1 misses | strict catches | proves pid
class Catch:
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        self.trace = trace
        return True

with Catch() as catch:
    1 / 0
print('escaped', catch.trace.tb_frame.f_builtins['__import__']('os').getpid())
