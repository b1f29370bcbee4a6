"""`cached`: results, threads, inputs, figures."""

from __future__ import annotations

import copy
import dataclasses
import enum
import functools
import inspect
import os
import pathlib
import pickle
import threading
from collections.abc import Generator
from typing import Any, NamedTuple

import pytest

import plugcache as pc

from conftest import Run


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


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
    program = """
        import plugcache as pc
        kept = pc.cached(name="shared")(abs)
        kept(-1)
        print(kept.cache_info().loads)
    """
    assert run(program) == "1"


def test_configuring_anew_moves_caches(place: pathlib.Path) -> None:
    made = pc.cached(name="moved")(abs)
    assert made(-1) == made(-1) == 1
    pc.configure(directory=place / "elsewhere", data_directory=place / "data")
    assert pc.directories() == (str(place / "elsewhere"), str(place / "data"))
    assert made.cache_info().loads == 0
    assert made(-1) == 1
    assert made.cache_info().loads == 1
