# TypedDict gives dataclass names of fields that are code | ratio1 misses | strict catches | proves pid | needs <3.14
from dataclasses import dataclass
from typing import TypedDict

A = dataclass(init=False, repr=False)(TypedDict('A', {"a if 0 else print('escaped', __import__('os').getpid())": int}))
A.__eq__(1, 2)
