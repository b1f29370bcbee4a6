from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
import collections.abc


class Source(ABC):
    registry: dict = {}

    def __init_subclass__(cls, /, name=None, **kwargs):
        super().__init_subclass__(**kwargs)
        Source.registry[name or cls.__name__] = cls

    @abstractmethod
    def read(self) -> Iterator[bytes]: ...

    @staticmethod
    def is_mapping(value) -> bool:
        return isinstance(value, (Mapping, collections.abc.MutableMapping))


class Memory(Source, name="memory"):
    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def read(self):
        yield from self.parts

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index]
