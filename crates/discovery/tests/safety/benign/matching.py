from collections import namedtuple
from typing import NamedTuple

Move = namedtuple("Move", "dx dy")


class Turn(NamedTuple):
    degrees: int
    __match_args__ = ("degrees",)


def run(command):
    match command:
        case Move(dx=0, dy=0) | None:
            return "nothing"
        case Turn(degrees):
            return f"turn {degrees:>4}"
        case {"move": [x, y, *_], **rest} if not rest:
            return f"move {x=} {y=}"
        case str() as text:
            return text.upper()
        case _:
            raise TypeError(f"{type(command).__name__} is no command")
