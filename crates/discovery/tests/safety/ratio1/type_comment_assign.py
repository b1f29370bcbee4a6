x = []  # type: list[int]
y = z = 1 # type: int
