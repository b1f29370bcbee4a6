"""`plugcache.compat.stevedore`: running programs get equal answers, whatever changes meanwhile."""

from __future__ import annotations

import importlib.metadata
import inspect
import os
import re
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import plugcache._entry_points as engine
from plugcache.compat import stevedore

Ask = Callable[[], Any]


@pytest.fixture(autouse=True)
def originals() -> Iterator[None]:
    """What was there before the test is there after it."""
    stevedore.uninstall()
    before = (importlib.metadata.entry_points, dict(vars(importlib.metadata.PathDistribution)), list(sys.meta_path))
    yield
    stevedore.uninstall()
    assert before == (
        importlib.metadata.entry_points,
        dict(vars(importlib.metadata.PathDistribution)),
        list(sys.meta_path),
    )


def told(answer: Any) -> Any:
    """All that can be seen of an answer: types, order, every attribute, distributions."""
    if isinstance(answer, dict):
        return type(answer), [(group, told(points)) for group, points in dict.items(answer)]
    distributions: dict[int, Any] = {}
    for point in answer:
        one = point.dist
        # One object for all points of a distribution, as Python has it.
        if id(one) not in distributions:
            distributions[id(one)] = len(distributions), type(one), one._path, one.metadata["Name"], one.version
    return type(answer), [
        (
            type(point),
            [(name, value) for name, value in vars(point).items() if name != "dist"],
            (point.name, point.value, point.group),
            distributions[id(point.dist)],
        )
        for point in answer
    ]


def loop() -> Any:
    """What pluggy and pytest do."""
    every: Any = importlib.metadata.distributions()
    return [(type(one), one._path, told(one.entry_points)) for one in every]


def outcome(ask: Ask) -> Any:
    try:
        return ask()
    except Exception as error:
        return type(error), str(error)


def same(ask: Ask, *, ours: bool = True) -> Any:
    """Asks Python, and then plugcache; `ours`: whether it is plugcache that answers."""
    stevedore.uninstall()
    expected = outcome(ask)
    stevedore.install()
    assert outcome(ask) == expected
    assert outcome(ask) == expected
    known = engine.current()
    assert (known is not None and not known.native.has_problems) == ours
    return expected


def everything() -> Any:
    return told(importlib.metadata.entry_points())


class Site:
    """A directory of distributions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def install(self, name: str, version: str = "1.0", text: str = "[plugcache.test]\none = json:dumps\n") -> Path:
        info = self.path / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(text)
        return info

    def remove(self, info: Path) -> None:
        for file in info.iterdir():
            file.unlink()
        info.rmdir()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(str(made.path))
    return made


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> str:
    """A search path with a hundred distributions more."""
    venv = os.environ.get("PLUGCACHE_ENTRY_POINTS_VENV")
    assert venv, "set PLUGCACHE_ENTRY_POINTS_VENV: `cargo xtask test --env` says to what"
    place = str(next(Path(venv).glob("lib/python*/site-packages")))
    monkeypatch.setattr(sys, "path", [*sys.path, place])
    return place


# ---- equal ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("many")
def test_all_of_a_real_environment_is_equal() -> None:
    answer = same(everything)
    assert len(str(answer)) > 10_000
    assert len(same(loop)) > 50
    # Bulk questions were answered from the index, not by falling back.
    assert engine._latest is not None


@pytest.mark.usefixtures("many")
def test_selections_are_equal() -> None:
    groups = sorted({point.group for one in importlib.metadata.distributions() for point in one.entry_points})
    ask: Any = importlib.metadata
    assert len(groups) > 20
    for group in groups[:: max(1, len(groups) // 12)]:
        same(lambda group=group: told(ask.entry_points(group=group)))  # type: ignore[misc]
    same(lambda: told(ask.entry_points(group="console_scripts", name="pygmentize")))
    same(lambda: told(ask.entry_points(name="pygmentize")))
    same(lambda: told(ask.entry_points(group="nothing at all")))
    same(lambda: told(ask.entry_points(group=None)))
    assert same(lambda: told(ask.entry_points(nothing=1)))[0] is AttributeError
    same(lambda: sorted(ask.entry_points(group="console_scripts").names))
    same(lambda: [point.extras for point in ask.entry_points(group="console_scripts")][:3])


def test_deprecated_ways_warn_as_before(site: Site) -> None:
    # Up to 3.11 the answer is a mapping that warns, and points are tuples that warn.
    site.install("made")

    def ask() -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found: Any = importlib.metadata.entry_points()
            mapping = outcome(lambda: told(found["plugcache.test"]))
            points: Any = importlib.metadata.entry_points(group="plugcache.test")
            index = outcome(lambda: points[0].name)
            one = next(iter(points))
            part = outcome(lambda: one[0])
        return mapping, index, part, [(str(warning.message), warning.category, warning.filename) for warning in caught]

    same(ask)


def test_the_function_looks_as_it_did() -> None:
    original = importlib.metadata.entry_points
    stevedore.install()
    stevedore.install()
    ours = importlib.metadata.entry_points
    assert ours is not original
    assert stevedore.is_installed()
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(ours, name) == getattr(original, name)
    assert inspect.signature(ours) == inspect.signature(original)
    stevedore.uninstall()
    assert importlib.metadata.entry_points is original
    assert not stevedore.is_installed()


# ---- changes --------------------------------------------------------------------------------------------------------


def names() -> list[tuple[str, str]]:
    return [(one.name, one.value) for one in importlib.metadata.entry_points(group="plugcache.test")]


def by_loop() -> list[tuple[str, str]]:
    return [
        (point.name, point.value)
        for one in importlib.metadata.distributions()
        for point in one.entry_points
        if point.group == "plugcache.test"
    ]


@pytest.mark.parametrize("ask", [names, by_loop])
def test_what_is_installed_removed_and_upgraded_is_seen(site: Site, ask: Ask) -> None:
    stevedore.install()
    for number in range(20):
        site.install(f"other{number}", text="[plugcache.other]\na = b\n")
    assert same(ask) == []
    info = site.install("made")
    assert same(ask) == [("one", "json:dumps")]
    # An edit of the same size, in place, with its time put back.
    file = info / "entry_points.txt"
    stamp = file.stat()
    file.write_text("[plugcache.test]\ntwo = json:loads\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert same(ask) == [("two", "json:loads")]
    site.remove(info)
    assert same(ask) == []
    site.install("made", "2.0", "[plugcache.test]\nnew = json:dump\n")
    assert same(ask) == [("new", "json:dump")]
    assert same(everything)


@pytest.mark.parametrize("strength", ["trust", "dirs", "lazy", "full", "hash"])
def test_a_weak_strength_makes_no_old_answer(site: Site, strength: str) -> None:
    # A program that was started by the hook cannot know that somebody trusts an index.
    info = site.install("made")
    code = """
import importlib.metadata, plugcache._entry_points as engine
from plugcache.compat import stevedore
stevedore.install()
print([one.name for one in importlib.metadata.entry_points(group="plugcache.test")])
assert engine._answers
"""
    path = os.pathsep.join([*_own_path(), str(site.path)])
    variables = {**os.environ, "PYTHONPATH": path, "PLUGCACHE_STRENGTH": strength}
    for name in ("one", "two"):
        (info / "entry_points.txt").write_text(f"[plugcache.test]\n{name} = json:dumps\n")
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert (done.stdout.strip(), done.stderr) == (f"['{name}']", "")


def test_a_distribution_at_hand_tells_what_its_file_says_now(site: Site) -> None:
    info = [site.install(f"made{number}") for number in range(12)][-1]
    stevedore.install()
    held = list(importlib.metadata.distributions())
    mine = next(one for one in held if Path(str(one._path)) == info)  # type: ignore[attr-defined]
    for _ in range(2):
        assert [[point.name for point in one.entry_points] for one in held[:12]]
    assert [point.name for point in mine.entry_points] == ["one"]
    (info / "entry_points.txt").write_text("[plugcache.test]\nuno = json:dumps\n")
    assert [point.name for point in mine.entry_points] == ["uno"]
    (info / "entry_points.txt").unlink()
    assert list(mine.entry_points) == []


def test_the_search_path_may_change_while_the_program_runs(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stevedore.install()
    site.install("made")
    other = Site(tmp_path / "other")
    other.install("made", "0.1", "[plugcache.test]\nhidden = json:dumps\n")
    other.install("more", text="[plugcache.test]\nmore = json:dumps\n")
    assert [name for name, _ in same(names)] == ["one"]
    monkeypatch.setattr(sys, "path", [*sys.path, str(other.path)])
    assert [name for name, _ in same(names)] == ["one", "more"]
    monkeypatch.setattr(sys, "path", [str(other.path), *sys.path])
    assert sorted(name for name, _ in same(names)) == ["hidden", "more"]
    # Relative entries mean what they mean where the program is.
    monkeypatch.setattr(sys, "path", ["", *[entry for entry in sys.path if str(tmp_path) not in entry]])
    monkeypatch.chdir(site.path)
    assert [name for name, _ in same(names)] == ["one"]
    same(everything)
    monkeypatch.chdir(other.path)
    assert sorted(name for name, _ in same(names)) == ["hidden", "more"]
    same(loop)


def test_where_only_python_can_tell_it_is_asked(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("made")
    archive = tmp_path / "packed.zip"
    monkeypatch.setattr(sys, "path", [*sys.path, str(archive)])
    same(everything)
    # The place was empty until now.
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        packed.writestr("zipped-1.0.dist-info/entry_points.txt", "[plugcache.test]\nzipped = json:dumps\n")
    assert [name for name, _ in same(names, ours=False)] == ["one", "zipped"]
    archive.unlink()

    class Finder:
        @staticmethod
        def find_spec(*_: object) -> None: ...

        @staticmethod
        def find_distributions(*_: object) -> Any:
            return importlib.metadata.MetadataPathFinder.find_distributions(
                importlib.metadata.DistributionFinder.Context(path=[str(tmp_path / "other")])
            )

    Site(tmp_path / "other").install("found", text="[plugcache.test]\nfound = json:dumps\n")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    assert [name for name, _ in same(names, ours=False)] == ["one", "found"]
    stevedore.uninstall()


@pytest.mark.parametrize(
    ("content", "raises"), [(b"[plugcache.test]\nno equals sign\n", True), (b"[g]\na=\xff\n", True), (b"", False)]
)
def test_a_broken_distribution_fails_as_before(site: Site, content: bytes, raises: bool) -> None:
    site.install("made")
    info = site.install("broken")
    (info / "entry_points.txt").write_bytes(content)
    answer = same(everything, ours=not raises)
    assert issubclass(answer[0], Exception) == raises
    same(loop, ours=not raises)
    # It is repaired, and all is well again.
    (info / "entry_points.txt").write_text("[plugcache.test]\nrepaired = json:dumps\n")
    assert "repaired" in str(same(names))
    (info / "METADATA").unlink()
    assert "repaired" in str(same(names))


# ---- honest ---------------------------------------------------------------------------------------------------------


def test_who_replaces_a_function_beneath_is_obeyed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests of plugin hosts do so.
    site.install("made")
    stevedore.install()
    assert names() == [("one", "json:dumps")]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda **_: [])
    assert names() == []


@pytest.mark.parametrize("ask", [names, by_loop])
def test_who_replaces_what_a_distribution_reads_by_is_obeyed(site: Site, ask: Ask) -> None:
    # The index's answer was given.
    for number in range(12):
        site.install(f"made{number}")
    stevedore.install()
    for _ in range(2):
        assert ask() == by_loop() == [("one", "json:dumps")] * 12
    every: Any = importlib.metadata.distributions()
    held = next(one for one in every if "made0" in str(one._path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(held, "read_text", lambda _: None)
        assert list(held.entry_points) == []
    assert len(held.entry_points) == 1
    for place, name, by in (
        (importlib.metadata.PathDistribution, "read_text", lambda *_: "[plugcache.test]\nmocked = json:loads\n"),
        (importlib.metadata.Distribution, "entry_points", property(lambda _: held_points)),
    ):
        held_points = [importlib.metadata.EntryPoint("mocked", "json:loads", "plugcache.test")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, name, by)
            found = list(held.entry_points)
            assert [point.name for point in found] == ["mocked"]
            if name == "read_text":
                assert set(ask()) == {("mocked", "json:loads")}
    assert ask() == [("one", "json:dumps")] * 12


def test_what_is_done_to_an_answer_changes_no_other(site: Site) -> None:
    site.install("made")
    stevedore.install()
    (first,) = importlib.metadata.entry_points(group="plugcache.test")
    (second,) = importlib.metadata.entry_points(group="plugcache.test")
    assert first == second
    assert first is not second
    vars(first).update(dist=None, extra=1)
    assert same(lambda: told(importlib.metadata.entry_points(group="plugcache.test")))


def test_threads_that_ask_at_once_get_the_same(site: Site) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(30):
        site.install(f"made{number}")
    expected = everything()
    stevedore.install()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: everything() if number % 2 else len(names()), range(32)))
    assert answers == [expected if number % 2 else 30 for number in range(32)]


def test_a_cache_that_cannot_be_used_is_no_reason_to_fail(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import plugcache as pc

    site.install("made")
    (tmp_path / "file").write_text("")
    pc.configure(directory=tmp_path / "file")
    assert same(names) == [("one", "json:dumps")]
    monkeypatch.setattr(engine, "current_for_others", lambda *_: 1 / 0)
    stevedore.install()
    assert names() == [("one", "json:dumps")]


def test_a_package_that_cannot_be_imported_is_tried_once(place: Path, site: Site) -> None:
    # Each distribution that was asked tried it again.
    for number in range(12):
        site.install(f"made{number}")
    code = f"""
import sys
import plugcache._startup as startup
startup.start(always=True)
tried = []
class Missing:
    def find_spec(self, name, *_):
        if name == "plugcache._entry_points":
            tried.append(name)
            raise ImportError(name)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, {str(site.path)!r})
import importlib.metadata
held = importlib.metadata.entry_points
assert len([one.entry_points for one in importlib.metadata.distributions()]) > 11
assert len(held(group="plugcache.test")) == 12
print(len(tried), startup.is_started(), importlib.metadata.entry_points is held)
"""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(_own_path())}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, env=variables, capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout) == ("", "1 False False\n")


# ---- real programs --------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
if sys.argv[1] == "ours":
    from plugcache.compat import stevedore as ours
    ours.install()
from stevedore import ExtensionManager, NamedExtensionManager, _cache
_cache._c._disable_caching = False
for group in ("stevedore.example.formatter", "console_scripts", "oslo.messaging.drivers", "nothing"):
    print(group, sorted({(one.name, one.value, one.group, type(one).__name__) for one in _cache.get_group_all(group)}))
    print([(one.name, one.value) for one in _cache.get_group_all(group)])
print(ExtensionManager("stevedore.example.formatter").names())
print(NamedExtensionManager("stevedore.example.formatter", ["simple"], on_load_failure_callback=print).names())
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this stevedore is for Python 3.11 and newer")
@pytest.mark.usefixtures("many")
def test_real_stevedore_finds_the_same(place: Path, many: str) -> None:
    corpora = os.environ.get("PLUGCACHE_CORPORA")
    assert corpora, "set PLUGCACHE_CORPORA: `cargo xtask test --env` says to what"
    script = place / "program.py"
    script.write_text(PROGRAM)
    # The plugins that are loaded are stevedore's own: what others need is not installed.
    path = os.pathsep.join([f"{corpora}/stevedore", *_own_path(), many])
    said = []
    for who in ("theirs", "theirs", "ours", "ours"):
        variables = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(place / who)}
        command = [sys.executable, str(script), who]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert len(said[0]) > 1_000
    assert said[1:] == said[:1] * 3
    # Its own cache was asked nothing while plugcache answered.
    assert list((place / "theirs" / "python-entrypoints").iterdir())
    assert not (place / "ours").exists()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this stevedore is for Python 3.11 and newer")
def test_stevedore_sees_what_tests_put_in_a_place_of_pythons(place: Path, site: Site) -> None:
    # Its cache was filled from the index all the same.
    corpora = os.environ.get("PLUGCACHE_CORPORA")
    assert corpora, "set PLUGCACHE_CORPORA: `cargo xtask test --env` says to what"
    site.install("made")
    code = """
import importlib.metadata
from unittest import mock
from plugcache.compat import stevedore as ours
ours.install()
from stevedore import _cache
point = importlib.metadata.EntryPoint("mocked", "json:loads", "plugcache.test")
text = "[plugcache.test]\\nread = json:loads\\n"
def asked():
    cache = _cache.Cache()
    cache._disable_caching = True
    return sorted({one.name for one in cache.get_group_all("plugcache.test")})
print(asked())
found = importlib.metadata.EntryPoints([point])
with mock.patch("importlib.metadata.entry_points", lambda **_: found):
    print(asked())
with mock.patch("importlib.metadata.PathDistribution.read_text", lambda *_: text):
    print(asked())
print(asked())
"""
    path = os.pathsep.join([f"{corpora}/stevedore", *_own_path(), str(site.path)])
    variables = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(place / "cache")}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["['one']", "['mocked']", "['read']", "['one']"]


def _own_path() -> list[str]:
    """Where this package is, if it is not installed."""
    package = Path(engine.__file__).parent.parent
    return [] if package.name == "site-packages" else [str(package)]


def test_pytest_finds_the_same_plugins(place: Path, site: Site) -> None:
    for number in range(12):
        site.install(f"other{number}", text="[plugcache.other]\na = b\n")
    site.install("real-plugin", text="[pytest11]\nmine = mine_of_a_test\n")
    (site.path / "mine_of_a_test.py").write_text("def pytest_report_header():\n    return 'mine was loaded'\n")
    (place / "test_it.py").write_text("def test_it(): pass\n")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([*_own_path(), str(site.path)])}

    def run(*before: str) -> str:
        command = [sys.executable, *before, "-m", "pytest", "--co", "-q", "-v", "--trace-config", "--rootdir=."]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", "test_it.py"],
            env=variables, cwd=place, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return re.sub(r"0x[0-9a-f]+|[0-9]{9,}| in [0-9.]+s", "", done.stdout)

    plain = run()
    assert "mine was loaded" in plain
    assert "real-plugin-1.0" in plain
    assert run("-m", "plugcache", "run", "--") == plain


def test_the_package_that_importlib_metadata_comes_from(site: Site, many: str) -> None:
    # Imported, it takes over from Python's own finder: objects of both modules are then its own.
    if not any(one.name == "importlib-metadata" or one.name == "importlib_metadata" for one in _installed()):
        pytest.skip("importlib_metadata is installed for the first Python only")
    site.install("made")
    code = f"""
import sys
sys.path[:] = [{str(site.path)!r}, *sys.path, {many!r}]
from plugcache.compat import stevedore
import importlib.metadata, importlib_metadata
import plugcache._entry_points as engine
def told(points):
    flat = [one for group in dict.values(points) for one in group] if isinstance(points, dict) else list(points)
    return type(points), [(type(one), one.name, one.value, one.group, type(one.dist), one.dist._path) for one in flat]
def asked():
    return [
        [told(module.entry_points(**kw)) for kw in ({{}}, {{"group": "console_scripts"}}, {{"name": "one"}})]
        + [[told(one.entry_points) for one in module.distributions()]]
        for module in (importlib.metadata, importlib_metadata)
    ]
theirs = asked()
stevedore.install()
assert asked() == theirs
assert asked() == theirs
assert engine.current() is not None and engine.current().provider is importlib_metadata
assert importlib_metadata.entry_points.__code__.co_filename.endswith("_startup.py")
stevedore.uninstall()
assert asked() == theirs
print(len(theirs[0][0][1]))
"""
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(_own_path())}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def _installed() -> Any:
    return importlib.metadata.distributions()
