f(1)  # type: int
