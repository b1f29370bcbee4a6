def f(a,  # type: int
      b=1,  # type: str
      *c,  # type: int
      **d  # type: int
      ):
  # type: (...) -> None
  pass
async def g(x):  # type: (int) -> int
  pass
