# type: something
x = 1
