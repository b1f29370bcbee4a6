"""`entry_points` beside `importlib.metadata.entry_points`."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc

VENV = os.environ.get("PLUGCACHE_ENTRY_POINTS_VENV")


def told(points: Any) -> list[tuple[Any, ...]]:
    """All that can be seen of entry points, in order."""
    names: dict[int, Any] = {}
    for point in points:
        if id(point.dist) not in names:
            names[id(point.dist)] = point.dist.metadata["Name"], point.dist.version
    return [(type(point), point.name, point.value, point.group, names[id(point.dist)]) for point in points]


def site_packages() -> str:
    assert VENV, "set PLUGCACHE_ENTRY_POINTS_VENV: `cargo xtask test --env` says to what"
    return str(next(Path(VENV).glob("lib/python*/site-packages")))


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search path with a hundred distributions more."""
    monkeypatch.syspath_prepend(site_packages())


@pytest.mark.usefixtures("many")
def test_all_of_a_hundred_distributions_are_equal() -> None:
    theirs: Any = importlib.metadata.entry_points()
    ours: Any = pc.entry_points()
    assert type(ours) is type(theirs)
    assert len({point.dist.metadata["Name"] for point in told_flat(ours)}) > 50
    assert told(told_flat(ours)) == told(told_flat(theirs))
    # Warm, too.
    assert told(told_flat(pc.entry_points())) == told(told_flat(theirs))


def told_flat(points: Any) -> list[Any]:
    """Entry points of an answer, which is a mapping of groups in older Pythons."""
    if isinstance(points, dict):
        return [point for group in dict.values(points) for point in group]
    return list(points)


@pytest.mark.usefixtures("many")
def test_selections_are_equal() -> None:
    groups = sorted({point.group for point in told_flat(importlib.metadata.entry_points())})
    assert len(groups) > 20
    for group in groups:
        theirs, ours = importlib.metadata.entry_points(group=group), pc.entry_points(group=group)
        assert type(ours) is type(theirs)
        assert told(ours) == told(theirs)
        assert list(ours) == list(theirs)
        name = next(iter(theirs)).name
        selected = pc.entry_points(group=group, name=name)
        assert told(selected) == told(importlib.metadata.entry_points(group=group, name=name))
        assert selected[name].value == theirs[name].value
    assert list(pc.entry_points(group="nothing")) == []
    value = next(iter(importlib.metadata.entry_points(group="console_scripts"))).value
    assert told(pc.entry_points(value=value)) == told(importlib.metadata.entry_points(value=value))


def test_a_distribution_that_comes_and_goes_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(pc.entry_points(group="plugcache.test")) == []
    info = tmp_path / "made-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[plugcache.test]\none = json:dumps\n")
    (point,) = pc.entry_points(group="plugcache.test")
    assert point.load() is __import__("json").dumps
    assert point.dist is not None
    assert point.dist.version == "1.0"
    (info / "entry_points.txt").write_text("[plugcache.test]\ntwo = json:loads\n")
    assert [point.name for point in pc.entry_points(group="plugcache.test")] == ["two"]
    (info / "entry_points.txt").unlink()
    assert list(pc.entry_points(group="plugcache.test")) == []


def test_a_zip_file_on_the_path_is_left_to_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        packed.writestr("zipped-1.0.dist-info/entry_points.txt", "[plugcache.zipped]\none = json:dumps\n")
    monkeypatch.setattr(sys, "path", [str(archive), *sys.path])
    assert [point.name for point in pc.entry_points(group="plugcache.zipped")] == ["one"]
