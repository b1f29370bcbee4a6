"""`cached`: the quick way of a call and the long one are one."""

from __future__ import annotations

import enum
import gc
import signal
import threading
import weakref
from typing import Any

import pytest

import plugcache as pc


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


#: Arguments that are nearly alike, each of which has a result of its own.
DIFFERENT: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((True,), {}),
    ((1.0,), {}),
    (("1",), {}),
    ((b"1",), {}),
    ((None,), {}),
    (((1,),), {}),
    (((1, (2, "a", None)),), {}),
    ((1, 2), {}),
    ((-1,), {}),
    ((2**63 - 1,), {}),
    ((-(2**63),), {}),
    ((2**63,), {}),
    ((-(2**63) - 1,), {}),
    ((2**70,), {}),
    ((0.0,), {}),
    ((-0.0,), {}),
    ((float("inf"),), {}),
    (("",), {}),
    (("ü" * 300,), {}),
    (("\ud800",), {}),
    ((b"",), {}),
    ((Number.ONE,), {}),
    ((frozenset({1, "a"}),), {}),
    ((), {"a": 1}),
    ((), {"b": 1}),
    ((1,), {"a": 1}),
    ((), {"a": 1, "b": 2}),
    ((), {"ü": 1}),
    ((), {f"name{number}": number for number in range(9)}),
    ((), {"a": frozenset({2})}),
]


def test_all_ways_of_a_call_lead_to_one_result() -> None:
    made = []

    @pc.cached
    def told(*args: Any, **kwargs: Any) -> int:
        made.append((args, kwargs))
        return len(made)

    cached: Any = told
    results = [cached(*args, **kwargs) for args, kwargs in DIFFERENT]
    assert results == list(range(1, len(DIFFERENT) + 1))
    assert len({cached.cache_key(*args, **kwargs) for args, kwargs in DIFFERENT}) == len(DIFFERENT)
    # Python's own way of a call, the one through the class, and a method's.
    assert [cached(*args, **kwargs) for args, kwargs in DIFFERENT] == results
    assert [type(cached).__call__(cached, *args, **kwargs) for args, kwargs in DIFFERENT] == results
    bound = cached.__get__(1)
    assert (bound(), bound(2), bound(a=1)) == (cached(1), cached(1, 2), cached(1, a=1))
    assert len(made) == len(DIFFERENT)
    info = told.cache_info()
    assert (info.hits, info.loads) == (2 * len(DIFFERENT) + 6, len(DIFFERENT))


def test_names_have_no_order_and_a_subclass_of_text_is_no_text() -> None:
    @pc.cached
    def told(**names: Any) -> list[str]:
        return list(names)

    assert told(a=1, b=2, c=3) == told(c=3, b=2, a=1) == ["a", "b", "c"]
    assert told.cache_info().loads == 1

    @pc.cached
    def kind(value: str) -> str:
        return type(value).__name__

    assert (kind("a"), kind("a")) == ("str", "str")
    with pytest.warns(pc.PlugcacheWarning, match="an argument of type .*Text cannot be a key"):
        assert (kind(Text("a")), kind(Text("a"))) == ("Text", "Text")


def test_python_calls_it_without_packing_its_arguments_up() -> None:
    """The class says that it takes part in PEP 590, and hands out what it is: not a subclass, which would not."""

    @pc.cached
    def made(x: int) -> int:
        return x

    have_vectorcall, method_descriptor = 1 << 11, 1 << 17
    assert type(made).__flags__ & have_vectorcall
    assert type(made).__flags__ & method_descriptor
    assert type(made).__module__ == "plugcache._plugcache"


def test_wrong_arguments_are_the_functions_own_matter() -> None:
    @pc.cached
    def one(x: int) -> int:
        return x

    called: Any = one
    for _ in range(2):
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            called()
        with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
            called(1, y=2)
        assert called(x=1) == called(1) == 1


def test_a_class_that_derives_from_it_is_called_as_it_says() -> None:
    base: Any = type(pc.cached(abs))
    plain = pc.cached(name="derived")(abs)
    options: dict[str, Any] = {
        "name": "derived-too",
        "ttl": None,
        "maxsize": 8,
        "codec": None,
        "inputs": [],
        "version": "",
        "scope": [],
        "wait": 1.0,
        "shared": False,
        "once_per_host": False,
    }

    class Same(base):  # type: ignore[misc]
        pass

    class Other(base):  # type: ignore[misc]
        def __call__(self, *args: Any) -> Any:
            return "other", super().__call__(*args)

    same, other = Same(abs, options), Other(abs, {**options, "name": "derived-other"})
    assert (same(-1), same(-1), plain(-1)) == (1, 1, 1)
    assert (other(-1), other(-1)) == (("other", 1), ("other", 1))
    assert (same.cache_info().hits, other.cache_info().hits) == (1, 1)
    with pytest.raises(TypeError):
        base()


def test_methods_are_called_with_their_object() -> None:
    class Scale:
        @pc.cached(disk=False)
        def times(self: Any, x: int) -> Any:
            return self * x

    function = Scale.__dict__["times"]
    assert Scale.times is function.__get__(None, Scale) is function
    assert function.__get__(3)(4) == function(3, 4) == 12
    assert function.cache_info().hits == 1
    with pytest.warns(pc.PlugcacheWarning, match="cannot be a key"), pytest.raises(TypeError):
        Scale().times(3)


def test_copying_a_result_may_call_the_function_in_its_turn() -> None:
    class Curious:
        def __deepcopy__(self, memo: Any) -> Curious:
            seen.append(made("text"))
            return Curious()

    seen: list[Any] = []

    @pc.cached(disk=False)
    def made(kind: str) -> Any:
        return Curious() if kind == "curious" else kind

    first = made("curious")
    assert made("curious") is not first
    assert seen == ["text", "text"]


def test_what_nobody_uses_any_more_is_freed() -> None:
    class Holder:
        pass

    holder: Any = Holder()

    @pc.cached(disk=False)
    def made(x: int) -> Any:
        return holder if x < 0 else x

    made(1)
    made(1)
    holder.function = made
    gone = weakref.ref(made)
    assert gone() is made
    del made, holder
    gc.collect()
    assert gone() is None


def test_hits_of_many_threads_are_all_counted_and_right() -> None:
    @pc.cached(disk=False)
    def double(x: int) -> int:
        return 2 * x

    wrong: list[int] = []

    def ask() -> None:
        for turn in range(2_000):
            if double(turn % 16) != turn % 16 * 2:
                wrong.append(turn)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    info = double.cache_info()
    # Who comes while another one computes is counted as waiting.
    assert (info.loads, info.hits + info.misses + info.waits) == (16, 8_000)


def test_what_a_signal_raises_while_a_hit_is_copied_is_raised() -> None:
    """A time-out by SIGALRM, or Ctrl-C, was lost if it came while a result was copied for its caller."""

    @pc.cached(disk=False)
    def table(rows: int) -> list[list[int]]:
        return [[row] for row in range(rows)]

    class Late(Exception):
        pass

    is_inside = False

    def late(*_: object) -> None:
        nonlocal is_inside
        if is_inside:
            is_inside = False
            raise Late

    table(50_000)
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    raised = 0
    try:
        for _ in range(300):
            try:
                is_inside = True
                table(50_000)
                is_inside = False
            except Late:
                raised += 1
            if raised == 3:
                break
    finally:
        is_inside = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert raised == 3


def test_what_cannot_be_told_is_computed_each_time() -> None:
    """Numbers of many digits, and dataclasses with a field that was never set, raised where the function does not."""
    import dataclasses

    @dataclasses.dataclass(frozen=True)
    class Half:
        unset: int = dataclasses.field(init=False)

    globals()["Half"] = Half
    Half.__qualname__ = "Half"

    @pc.cached(disk=False)
    def kind(value: object) -> str:
        return type(value).__name__

    huge = 10**5000
    assert (kind(huge), kind(huge), kind(-huge)) == ("int", "int", "int")
    assert kind.cache_info().hits == 1
    with pytest.warns(pc.PlugcacheWarning, match="Half"):
        assert kind(Half()) == "Half"
