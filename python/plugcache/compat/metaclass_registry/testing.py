"""For tests: members that stand in for others."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def restored_registry(family: Any, *, released: tuple[Hashable, ...] = ()) -> Iterator[None]:
    """A block in which the keys `released` are free, and after which the family's registry is what it was.

    Only the primary registry is put back. All members are imported first.
    """
    from .strategies import forget_views

    registry = family.__registry__
    before = dict(registry.items())
    for key in released:
        dict.pop(registry, key, None)
    forget_views()
    try:
        yield
    finally:
        dict.clear(registry)
        dict.update(registry, before)
        forget_views()
