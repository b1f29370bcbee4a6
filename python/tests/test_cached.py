"""`cached`: keys, results, threads, tasks, processes."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import decimal
import enum
import functools
import inspect
import os
import pathlib
import pickle
import threading
import uuid
from collections.abc import Generator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest

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
    import test_cached, plugcache as pc

    def value(number: int, fail: bool):
        if fail:
            raise LookupError(number)
        return test_cached.VALUES[number]

    kept = pc.cached(value)
    for number, expected in enumerate(test_cached.VALUES):
        if sys.argv[1] == "cold":
            kept(number, False)
        # What was not kept would be computed, and would fail.
        value.__globals__["test_cached"].VALUES[number] = LookupError
        got = kept(number, False)
        assert test_cached.exact(got) == test_cached.exact(expected), (got, expected)
    print(kept.cache_info().loads, kept.cache_info().disk_hits)
"""


def test_behaviour_11_and_14_results_come_back_from_disk_as_what_they_were(run_fixed: Run) -> None:
    program = PROGRAM.format(tests=os.path.dirname(__file__))
    assert run_fixed(program, "cold") == f"{len(VALUES)} 0"
    assert run_fixed(program, "warm") == f"0 {len(VALUES)}"


@pytest.fixture
def run_fixed(place: pathlib.Path) -> Run:
    """Runs programs that are in one file, as one program is in its second process."""
    import textwrap

    from conftest import run_file

    def run(code: str, *arguments: str, **variables: str) -> str:
        script = place / "program.py"
        text = textwrap.dedent(code)
        if not script.exists() or script.read_text() != text:
            script.write_text(text)
        return run_file(place, script, *arguments, **variables)

    return run


def test_behaviour_14_none_and_nothing_are_values_and_errors_are_not_kept() -> None:
    made = []

    @pc.cached
    def empty(kind: str) -> Any:
        made.append(kind)
        if kind == "raises":
            raise OSError(28, "no space")
        return {"none": None, "dict": {}, "list": [], "zero": 0, "false": False}[kind]

    for kind in ("none", "dict", "list", "zero", "false") * 2:
        assert not empty(kind)
    assert made == ["none", "dict", "list", "zero", "false"]
    for _ in range(3):
        with pytest.raises(OSError, match="no space"):
            empty("raises")
    assert made[5:] == ["raises"] * 3
    assert empty.cache_info().errors == 3


def test_behaviour_10_what_a_caller_does_to_a_result_changes_nobody_elses() -> None:
    class Own:
        def __init__(self) -> None:
            self.parts = ["a"]

    @pc.cached
    def made(kind: str) -> Any:
        return {
            "list": lambda: [1, [2], {"a": [3]}],
            "dict": lambda: {"a": {"b": [1]}},
            "set": lambda: {1, 2},
            "tuple": lambda: ([1],),
            "bytearray": lambda: bytearray(b"abc"),
            "own": Own,
        }[kind]()

    # The one who computed it has no hand in what is kept, either.
    made("list")[1].append("spoilt")
    assert made("list") == [1, [2], {"a": [3]}]
    made("list")[2]["a"].clear()
    assert made("list") == [1, [2], {"a": [3]}]
    made("dict")["a"]["b"].append(2)
    made("dict")["a"]["b"].append(2)
    assert made("dict") == {"a": {"b": [1]}}
    made("set").add(3)
    made("set").add(3)
    assert made("set") == {1, 2}
    made("tuple")[0].append(2)
    made("tuple")[0].append(2)
    assert made("tuple") == ([1],)
    made("bytearray").extend(b"d")
    made("bytearray").extend(b"d")
    assert made("bytearray") == b"abc"
    made("own").parts.append("b")
    made("own").parts.append("b")
    assert made("own").parts == ["a"]
    assert made.cache_info().loads == 6


def test_behaviour_10_after_a_disk_hit_too(run_fixed: Run) -> None:
    program = """
        import plugcache as pc
        @pc.cached
        def made():
            return {"a": [1]}
        for _ in range(3):
            made()["a"].append(2)
        print(made())
    """
    assert run_fixed(program) == run_fixed(program) == "{'a': [1]}"


def test_sharing_is_for_who_asks_for_it() -> None:
    @pc.cached(share=True, disk=False)
    def made() -> list[int]:
        return []

    assert made() is made()


def test_behaviour_8_many_threads_compute_one_result_once() -> None:
    calls = []
    go = threading.Event()
    asked = threading.Semaphore(0)

    @pc.cached
    def slow(key: int) -> list[int]:
        calls.append(key)
        assert go.wait(20)
        return [key]

    @pc.cached
    def quick(key: int) -> int:
        return key

    assert quick(1) == 1
    results: list[list[int]] = []

    def ask(key: int) -> None:
        asked.release()
        results.append(slow(key))

    threads = [threading.Thread(target=ask, args=(number % 4,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert asked.acquire(timeout=20)
    # A hit waits for nobody, and another key is loaded beside.
    assert quick(1) == 1
    assert quick(2) == 2
    go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(calls) == [0, 1, 2, 3]
    assert len(results) == 32
    assert len({id(result) for result in results}) == 32


def test_errors_reach_all_who_wait_and_nobody_after() -> None:
    go = threading.Event()
    calls = []

    @pc.cached
    def fails() -> int:
        calls.append(1)
        assert go.wait(20)
        raise ValueError("no")

    caught: list[BaseException] = []

    def ask() -> None:
        try:
            fails()
        except ValueError as error:
            caught.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(20)
    assert len(caught) == 8
    before = len(calls)
    with pytest.raises(ValueError, match="no"):
        fails()
    assert len(calls) == before + 1


def test_an_interrupt_of_the_one_who_computes_is_not_that_of_others() -> None:
    go = threading.Event()
    began = threading.Event()
    calls = []

    @pc.cached
    def stopped() -> int:
        calls.append(1)
        if len(calls) > 1:
            return 7
        began.set()
        assert go.wait(20)
        raise KeyboardInterrupt

    results: list[Any] = []

    def ask() -> None:
        try:
            results.append(stopped())
        except KeyboardInterrupt:
            results.append("interrupted")

    first = threading.Thread(target=ask)
    first.start()
    assert began.wait(20)
    others = [threading.Thread(target=ask) for _ in range(3)]
    for thread in others:
        thread.start()
    go.set()
    for thread in (first, *others):
        thread.join(20)
    assert sorted(map(str, results)) == ["7", "7", "7", "interrupted"]
    assert len(calls) == 2


def test_a_function_that_asks_for_its_own_value_is_told() -> None:
    @pc.cached
    def circle(key: int) -> Any:
        return circle(key)

    with pytest.raises(pc.ReentrantError, match="asks for its own value"):
        circle(1)

    @pc.cached
    def fibonacci(n: int) -> int:
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    assert fibonacci(80) == 23416728348467685


def test_behaviour_8_many_tasks_compute_one_result_once() -> None:
    calls = []

    @pc.cached
    async def slow(key: str) -> list[str]:
        calls.append(key)
        await asyncio.sleep(0.01)
        return [key]

    async def main() -> list[list[str]]:
        return list(await asyncio.gather(*(slow("ab"[number % 2]) for number in range(20))))

    assert inspect.iscoroutinefunction(slow)
    results = asyncio.run(main())
    assert sorted(calls) == ["a", "b"]
    assert results == [["a"], ["b"]] * 10
    results[0].append("spoilt")
    # Another event loop, and the same results.
    assert asyncio.run(main())[0] == ["a"]
    assert sorted(calls) == ["a", "b"]
    assert slow.cache_info().loads == 2


def test_tasks_that_fail_or_are_cancelled_leave_the_others_be() -> None:
    calls: list[str] = []

    async def main() -> None:
        started = asyncio.Event()
        go = asyncio.Event()

        @pc.cached
        async def slow(key: str) -> str:
            calls.append(key)
            started.set()
            try:
                await go.wait()
            except asyncio.CancelledError:
                calls.append("cancelled")
                raise
            if key == "fails":
                raise ValueError(key)
            return key

        leader = asyncio.create_task(slow("a"))
        await started.wait()
        follower = asyncio.create_task(slow("a"))
        other = asyncio.create_task(slow("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        other.cancel()
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        with pytest.raises(asyncio.CancelledError):
            await other
        go.set()
        assert await asyncio.wait_for(follower, 20) == "a"
        assert calls == ["a", "cancelled", "a"]
        failing = await asyncio.gather(*(slow("fails") for _ in range(3)), return_exceptions=True)
        assert [str(error) for error in failing] == ["fails"] * 3
        with pytest.raises(asyncio.TimeoutError):
            go.clear()
            await asyncio.wait_for(slow("late"), 0.01)
        go.set()
        assert await slow("late") == "late"

    asyncio.run(main())


def test_threads_with_event_loops_share_one_computation() -> None:
    calls = []

    @pc.cached
    async def slow(key: str) -> str:
        calls.append(key)
        await asyncio.sleep(0.05)
        return key

    barrier = threading.Barrier(6)
    results: list[str] = []

    def loop() -> None:
        async def main() -> str:
            barrier.wait(20)
            return await slow("a")

        results.append(asyncio.run(main()))

    threads = [threading.Thread(target=loop) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == ["a"] * 6
    assert calls == ["a"]


def test_what_cannot_be_a_key_is_computed_with_one_warning() -> None:
    @pc.cached
    def length(value: Any) -> int:
        return len(value)

    with pytest.warns(pc.PlugcacheWarning, match="an argument of type list cannot be a key") as warned:
        assert length([1]) == 1
        assert length([1, 2]) == 2
        assert length({"a": 1}) == 1
    assert len(warned) == 1
    assert length.cache_info().currsize == 0
    assert length.cache_key([1]) is None
    assert "never kept" in length.cache_explain([1])


def test_what_cannot_be_copied_is_computed_with_one_warning() -> None:
    @pc.cached
    def numbers() -> Generator[int, None, None]:
        yield from range(3)

    with pytest.warns(pc.PlugcacheWarning, match="result of type generator cannot be copied") as warned:
        assert list(numbers()) == [0, 1, 2]
        assert list(numbers()) == [0, 1, 2]
    assert len(warned) == 1


def test_results_that_json_has_not_are_kept_in_memory() -> None:
    calls = []

    @pc.cached
    def member(name: str) -> Colour:
        calls.append(name)
        return Colour[name]

    assert member("RED") is member("RED") is Colour.RED
    assert calls == ["RED"]


def test_pickle_is_for_who_asks_for_it(run_fixed: Run) -> None:
    program = """
        import decimal, sys
        import plugcache as pc
        @pc.cached(codec="pickle")
        def made():
            return [decimal.Decimal("1.50")]
        print(made(), made.cache_info().loads)
    """
    assert run_fixed(program) == "[Decimal('1.50')] 1"
    assert run_fixed(program) == "[Decimal('1.50')] 0"


def test_inputs_are_looked_at(place: pathlib.Path) -> None:
    file, tree = place / "colours.txt", place / "more"
    file.write_text("red")
    tree.mkdir()
    (tree / "a").write_text("1")

    @pc.cached(inputs=[file, tree])
    def read() -> list[str]:
        return [file.read_text() if file.exists() else "", *sorted(path.name for path in tree.iterdir())]

    assert read() == read() == ["red", "a"]
    before = file.stat()
    file.write_text("sky")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read() == ["sky", "a"]
    (tree / "b").write_text("2")
    assert read() == ["sky", "a", "b"]
    file.unlink()
    assert read() == ["", "a", "b"]
    assert read.cache_info().loads == 4


def test_time_to_live_and_bounds() -> None:
    calls = []

    @pc.cached(ttl=0.05, maxsize=None)
    def passing(key: int) -> int:
        calls.append(key)
        return key

    assert passing(1) == passing(1) == 1
    deadline = threading.Event()
    deadline.wait(0.06)
    assert passing(1) == 1
    assert calls == [1, 1]
    assert passing.cache_info().maxsize is None

    @pc.cached(maxsize=10)
    def few(key: int) -> int:
        return key

    for key in range(1000):
        few(key)
    assert few.cache_info().currsize <= 10
    with pytest.raises(pc.ConfigError, match="ttl is 0"):
        pc.cached(ttl=0)(few)
    with pytest.raises(pc.ConfigError, match="codec"):
        pc.cached(codec="marshal")(few)  # type: ignore[call-overload]


def test_another_version_or_code_does_not_get_the_old_results(run_fixed: Run) -> None:
    program = """
        import plugcache as pc
        @pc.cached(version={version!r})
        def made(a, b=1):
            return {value!r}
        print(made(1), made.cache_info().loads)
    """
    first = program.format(version="1", value="x")
    assert [run_fixed(first), run_fixed(first)] == ["x 1", "x 0"]
    assert run_fixed(program.format(version="2", value="x")) == "x 1"
    assert run_fixed(program.format(version="2", value="y")) == "y 1"
    assert run_fixed(program.format(version="2", value="y").replace("b=1", "b=2")) == "y 1"
    # A comment is no other code.
    assert run_fixed("        # a remark\n" + program.format(version="2", value="y").replace("b=1", "b=2")) == "y 0"


def test_functions_that_close_over_variables_do_not_share_results() -> None:
    def adder(n: int) -> Any:
        @pc.cached
        def add(x: int) -> int:
            return x + n

        return add

    one, two = adder(1), adder(2)
    assert (one(1), two(1), one(1), two(1)) == (2, 3, 2, 3)


def test_the_shape_of_functools() -> None:
    @pc.cached
    def documented(x: int) -> int:
        """Says what it is."""
        return x

    documented(1)
    documented(1)
    theirs = functools.lru_cache(documented.__wrapped__)
    theirs(1)
    theirs(1)
    assert documented.cache_info()[:2] == theirs.cache_info()[:2] == (1, 1)
    assert type(documented.cache_info())._fields[:4] == type(theirs.cache_info())._fields
    assert documented.__doc__ == "Says what it is."
    assert documented.__name__ == "documented"
    assert inspect.signature(documented) == inspect.signature(theirs)
    documented.cache_clear()
    documented(1)
    assert documented.cache_info().misses == 2
    assert copy.deepcopy(documented) is documented
    assert pickle.loads(pickle.dumps(importable)) is importable


@pc.cached
def importable(x: int) -> int:
    return x


def test_methods_have_their_instance_as_a_key() -> None:
    @dataclasses.dataclass(frozen=True)
    class Local:
        n: int

    class Scaled(NamedTuple):
        n: int

        @pc.cached(disk=False)
        def times(self, x: int) -> int:
            calls.append(x)
            return self.n * x

    globals()["Scaled"] = Scaled
    Scaled.__qualname__ = "Scaled"
    calls: list[int] = []
    assert Scaled(2).times(3) == Scaled(2).times(3) == 6
    assert Scaled(3).times(3) == 9
    assert calls == [3, 3]
    # A class that nothing leads back to is no key: another of that name may be made at any time.
    assert importable.cache_key(Local(1)) is None  # type: ignore[arg-type]


def test_figures_clearing_and_explaining() -> None:
    @pc.cached(name="figures")
    def made(x: int) -> int:
        return x

    made(1)
    made(1)
    made(2)
    told = pc.stats()["figures"]
    assert (told["hits"], told["misses"], told["loads"], told["entries"]) == (1, 2, 2, 2)
    assert pc.explain(made, 1).startswith("hit: `(1)` in cache `figures`")
    assert pc.explain(made, 3).startswith("miss")
    assert pc.clear("figures") == 2
    assert pc.explain(made, 1).startswith("miss")
    with pytest.raises(pc.ConfigError, match="explain expects"):
        pc.explain(print)  # type: ignore[arg-type]


def test_clearing_reaches_what_another_process_has_kept(run: Run) -> None:
    run("import plugcache as pc\nprint(pc.cached(name='shared')(abs)(-1))")
    assert pc.clear() >= 0
    assert run("import plugcache as pc\nkept = pc.cached(name='shared')(abs)\nkept(-1)\nprint(kept.cache_info().loads)") == "1"


def test_configuring_anew_moves_caches(place: pathlib.Path) -> None:
    made = pc.cached(name="moved")(abs)
    assert made(-1) == made(-1) == 1
    pc.configure(directory=place / "elsewhere", data_directory=place / "data")
    assert pc.directories() == (str(place / "elsewhere"), str(place / "data"))
    assert made.cache_info().loads == 0
    assert made(-1) == 1
    assert made.cache_info().loads == 1
