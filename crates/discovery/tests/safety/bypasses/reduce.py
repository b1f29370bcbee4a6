# code that runs when the host copies or pickles | ratio1 misses | strict catches | proves marker
import copy

class A:
    def __reduce__(self):
        return print, ('escaped',)

copy.copy(A())
