def f(a):
  # type: (int) -> int
  # type: (int) -> int
  pass
