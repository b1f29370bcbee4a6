import os
x = 1eval
