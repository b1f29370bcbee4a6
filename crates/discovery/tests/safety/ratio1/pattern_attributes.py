match x:
  case a.log: pass
  case A(log=y): pass
  case {a.config_data: eval}: pass
