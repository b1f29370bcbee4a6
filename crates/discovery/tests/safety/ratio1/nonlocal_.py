def f():
  nonlocal eval
  x = eval
