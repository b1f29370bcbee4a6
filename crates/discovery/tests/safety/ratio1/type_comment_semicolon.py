a = 1; b = 2  # type: int
c = 3;  # type: int
