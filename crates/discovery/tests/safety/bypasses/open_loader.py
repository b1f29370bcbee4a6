# files by the loader's get_data | ratio1 misses | strict catches | proves pid
print('escaped', __loader__.get_data('/proc/self/stat').split()[0].decode())
