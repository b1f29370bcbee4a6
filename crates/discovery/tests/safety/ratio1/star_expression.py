*a, eval = b
print(*open, **vars)
