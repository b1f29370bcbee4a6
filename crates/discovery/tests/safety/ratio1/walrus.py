(x := eval)
print(f"{(y := open)}")
