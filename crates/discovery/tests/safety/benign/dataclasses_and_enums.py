from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Color(enum.Enum):
    RED = enum.auto()
    BLUE = enum.auto()

    @classmethod
    def _missing_(cls, value):
        return cls.RED

    @property
    def label(self) -> str:
        return self._value_ and self.name.lower()


@dataclass(frozen=True, order=True)
class Point:
    x: float
    y: float = 0.0
    tags: tuple[str, ...] = ()

    def moved(self, by: float) -> Point:
        return replace(self, x=self.x + by)

    def __post_init__(self) -> None:
        if self.x != self.x:
            raise ValueError("x is not a number")
