@eval
@a.log
class A(open, metaclass=dir):
  @vars
  def f(self, x: exec = getattr) -> locals: pass
