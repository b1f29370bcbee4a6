"""`cached_enum`: members that a function lists, and `cached`'s declared variables."""

from __future__ import annotations

import enum
import pickle
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc

from conftest import Run

calls: list[str] = []


def letters() -> dict[str, Any]:
    calls.append("letters")
    return {"ALPHA": "a", "BETA": ["b", 2]}


Letters = pc.cached_enum("Letters", letters, version="1")


def test_members_are_those_of_the_function_and_keep_their_identity() -> None:
    assert [(member.name, member.value) for member in Letters] == [("ALPHA", "a"), ("BETA", ["b", 2])]
    assert Letters("a") is Letters["ALPHA"]
    assert pickle.loads(pickle.dumps(Letters["ALPHA"])) is Letters["ALPHA"]
    assert (Letters.__module__, Letters.__qualname__) == (__name__, "Letters")
    names = pc.cached_enum("Names", lambda: ["viridis", "cool warm"])
    assert names("cool warm").name == "cool warm"
    numbers = pc.cached_enum("Numbers", lambda: {"ONE": 1}, base=enum.IntEnum)
    assert numbers["ONE"] + 1 == 2  # type: ignore[operator]


def test_what_cannot_be_an_enumeration_says_why() -> None:
    with pytest.raises(pc.ConfigError, match="'a' is there twice"):
        pc.cached_enum("Twice", lambda: ["a", "b", "a"])
    with pytest.raises(pc.ConfigError, match="3 is no name"):
        pc.cached_enum("Wrong", lambda: [3])  # type: ignore[list-item]
    with pytest.raises(pc.ConfigError, match="cannot be made"):
        pc.cached_enum("Reserved", lambda: ["mro"])
    with pytest.raises(pc.ConfigError, match="is cached already: give ttl there"):
        pc.cached_enum("Cached", pc.cached(lambda: ["a"]), ttl=3)

    def fails() -> list[str]:
        raise OSError("not now")

    with pytest.raises(OSError, match="not now"):
        pc.cached_enum("Fails", fails)


def test_another_environment_has_its_own_and_the_next_process_has_it_kept(run_fixed: Run, tmp_path: Path) -> None:
    """OpenHCS: one run with CI=true kept two colormaps, and a later run with a screen got those two instead of 182."""
    counted = tmp_path / "counted"
    program = f"""
        import os
        import plugcache as pc

        def colormaps():
            with open({str(counted)!r}, "a") as file:
                file.write("x")
            return ["gray"] if os.environ.get("CI") else ["gray", "viridis"]

        Colormap = pc.cached_enum("Colormap", colormaps, env=["CI"])
        print(*[one.name for one in Colormap])
    """
    assert run_fixed(program, CI="true") == "gray"
    assert run_fixed(program, CI="") == "gray viridis"
    assert run_fixed(program, CI="true") == "gray"
    assert run_fixed(program, CI="") == "gray viridis"
    assert counted.read_text() == "xx"


def test_declared_variables_are_in_the_key_of_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    @pc.cached(env=["PLUGCACHE_TEST_SIDE", "PLUGCACHE_TEST_OTHER"])
    def side(number: int) -> str | None:
        import os

        seen.append(os.environ.get("PLUGCACHE_TEST_SIDE"))
        return seen[-1]

    monkeypatch.delenv("PLUGCACHE_TEST_SIDE", raising=False)
    assert side(1) is None
    key = side.cache_key(1)
    for value in ("left", "", "right", "left"):
        monkeypatch.setenv("PLUGCACHE_TEST_SIDE", value)
        assert side(1) == value
        assert side.cache_key(1) != key
    monkeypatch.delenv("PLUGCACHE_TEST_SIDE")
    assert side(1) is None
    assert seen == [None, "left", "", "right"]
    assert side.cache_key(1) == key
    monkeypatch.setenv("PLUGCACHE_TEST_OTHER", "1")
    assert side(1) is None
    assert len(seen) == 5
