from typing import Callable, Generic, Protocol, TypeVar, Union, overload

T = TypeVar("T", bound="Shape")


class Shape(Protocol):
    def area(self) -> float: ...


class Box(Generic[T]):
    content: "list[T]"

    def __init__(self) -> None:
        self.content = []

    def largest(self, key: Callable[[T], float] = lambda one: one.area()) -> Union[T, None]:
        return max(self.content, key=key, default=None)

    def __iter__(self):
        return iter(self.content)

    def __class_getitem__(cls, item):
        return super().__class_getitem__(item)
