from json import *
from os import *
