# dataclass given an object that looks like a class | ratio1 misses | strict catches | proves pid | needs >=3.13
from dataclasses import dataclass

class Fake:
    def __call__(self):
        pass
    def __getattr__(self, name):
        answers = {'annotations': {"a if 0 else print('escaped', __import__('os').getpid())": int}, 'mro': (object, object), 'qualname': 'Fake', 'name': 'Fake'}
        try:
            return answers[name.strip('_')]
        except KeyError:
            raise AttributeError(name)

fake = dataclass(init=False, repr=False, match_args=False)(Fake())
fake.__eq__(1, 2)
