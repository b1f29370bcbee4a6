# files by way of pathlib | ratio1 catches | strict catches | proves pid
import pathlib
print('escaped', pathlib.Path('/proc/self/stat').read_text().split()[0])
