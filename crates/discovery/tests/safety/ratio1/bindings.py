def eval(exec, *open, **vars): pass
class getattr: pass
import json as dir
global locals
try: pass
except E as memoryview: pass
f(eval=1)
match x:
  case open: pass
  case {**vars}: pass
