# a printer that reads files | ratio1 misses | strict catches | proves pid
show = license.__class__('x', '', ['self/stat'], ['/proc'])
show._Printer__setup()
print('escaped', show._Printer__lines[0].split()[0])
