# the frame of a generator | ratio1 misses | strict catches | proves pid
frame = (one for one in ()).gi_frame
print('escaped', frame.f_builtins['__import__']('os').getpid())
