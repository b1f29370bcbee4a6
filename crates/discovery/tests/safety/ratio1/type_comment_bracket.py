x = [  # type: list
 1]
