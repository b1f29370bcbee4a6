"""`cached`: arguments as keys, and results that come back from disk."""

from __future__ import annotations

import copy
import dataclasses
import decimal
import enum
import os
import pathlib
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import plugcache as pc

from conftest import Run


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Text(str, enum.Enum):
    ONE = "1"


class Number(enum.IntEnum):
    ONE = 1


class Flag(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: float


class Pair(NamedTuple):
    x: int
    y: int


DISTINCT: list[Any] = [
    1, 1.0, True, "1", b"1", None, 0, False, 0.0, -0.0, "", b"", (), (1,), (1.0,), (True,), ((1,),), ("1",),
    frozenset(), frozenset({1}), frozenset({True}), Colour.RED, Colour.BLUE, Text.ONE, Number.ONE, Flag.A,
    Flag.A | Flag.B, Point(1, 1.0), Point(1, 1), Pair(1, 1), (1, 1), 2**70, str(2**70), -(2**70), 1j, float("nan"),
    float("inf"), "\ud800", b"\xed\xa0\x80", pathlib.Path("a"), pathlib.PurePosixPath("a"), decimal.Decimal("1"),
    decimal.Decimal("1.0"), uuid.UUID(int=1), datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=timezone.utc),
    timedelta(1), ("f", 1), ("x", "y", ()), ("k", (), ()), range(3), range(4),
]  # fmt: skip


def test_behaviour_11_arguments_keep_type_and_identity() -> None:
    @pc.cached
    def same(value: Any) -> int:
        return next(numbers)

    numbers = iter(range(1000))
    first = [same(value) for value in DISTINCT]
    assert len(set(first)) == len(DISTINCT)
    assert [same(value) for value in DISTINCT] == first
    assert [same(copy.deepcopy(value)) for value in DISTINCT] == first
    keys = {same.cache_key(value) for value in DISTINCT}
    assert len(keys) == len(DISTINCT)
    assert None not in keys
    assert same.cache_key(frozenset({"a", "b", 3})) == same.cache_key(frozenset({3, "b", "a"}))


def test_arguments_by_name_are_in_no_order_and_are_not_those_by_position() -> None:
    @pc.cached
    def told(*args: Any, **kwargs: Any) -> int:
        return next(numbers)

    numbers = iter(range(100))
    assert told(a=1, b=2) == told(b=2, a=1) == 0
    assert told(1, b=2) == 1
    assert told("a", 1, "b", 2) == 2
    assert told(("a", 1)) == 3
    assert told(a=1, b=2.0) == 4


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**63 - 1, 2**70, -(2**70), 0.0, 0.1, 1e300, 5e-324, 1 / 3, float("inf"), 1j, "", "é\0",
    b"", b"\xff", bytearray(b"a"), (), (1,), [], [1, [2]], {}, {"a": 1, "b": [2]}, {1: 2, "1": 3, None: 4, (1,): 5},
    {"$tuple": [1]}, {"b": 1, "a": 2}, set(), {1, "a"}, frozenset({1}), [(), {"x": (1, b"y")}], {"z": {"$set": ()}},
]  # fmt: skip


def exact(value: Any) -> Any:
    """A value with all its types, and the order of its dictionaries."""
    if isinstance(value, (list, tuple)):
        return (type(value), [exact(part) for part in value])
    if isinstance(value, dict):
        return (dict, [(exact(key), exact(part)) for key, part in value.items()])
    if isinstance(value, (set, frozenset)):
        return (type(value), sorted(map(repr, value)))
    return (type(value), repr(value))


PROGRAM = """
    import sys
    sys.path.insert(0, {tests!r})
    import test_keys_and_values, plugcache as pc

    def value(number: int, fail: bool):
        if fail:
            raise LookupError(number)
        return test_keys_and_values.VALUES[number]

    kept = pc.cached(value)
    for number, expected in enumerate(test_keys_and_values.VALUES):
        if sys.argv[1] == "cold":
            kept(number, False)
        # What was not kept would be computed, and would fail.
        value.__globals__["test_keys_and_values"].VALUES[number] = LookupError
        got = kept(number, False)
        assert test_keys_and_values.exact(got) == test_keys_and_values.exact(expected), (got, expected)
    print(kept.cache_info().loads, kept.cache_info().disk_hits)
"""


def test_behaviour_11_and_14_results_come_back_from_disk_as_what_they_were(run_fixed: Run) -> None:
    program = PROGRAM.format(tests=os.path.dirname(__file__))
    assert run_fixed(program, "cold") == f"{len(VALUES)} 0"
    assert run_fixed(program, "warm") == f"0 {len(VALUES)}"
