"""`registry["name"]` for a plugin that was used before: quick, and as true as the first time."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import weakref
from typing import Any

import pytest

import plugcache as pc

from conftest import Run, Tree

#: Ways of proving that see every edit.
PROVEN: list[dict[str, Any]] = [{}, {"watch": True}, {"strength": "full"}, {"strength": "hash"}]


@pytest.mark.parametrize("settings", PROVEN, ids=str)
def test_behaviour_2_a_plugin_that_was_used_is_proven_each_time(tree: Tree, settings: dict[str, Any]) -> None:
    tree.plugin("one", "one")
    tree.plugin("two", "two")
    registry = tree.registry(**settings)
    first = registry["one"]
    assert all(registry["one"] is first for _ in range(3))
    # Same size, and the time of the last change put back.
    before = tree.file("one").stat()
    tree.plugin("one", "eno")
    os.utime(tree.file("one"), ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(pc.UnknownPluginError):
        registry["one"]
    assert registry["eno"] is first
    tree.plugin("one", "one")
    assert registry["one"] is registry["one"] is first
    tree.file("one").unlink()
    with pytest.raises(pc.UnknownPluginError):
        registry["one"]
    # Another file has the name now, and comes first.
    assert registry["two"].__name__ == "Two"
    assert registry["two"].__name__ == "Two"
    tree.plugin("a_first", "two")
    assert registry["two"].__name__ == "AFirst"


@pytest.mark.parametrize("settings", [*PROVEN, {"strength": "dirs"}], ids=str)
def test_the_module_is_asked_each_time(tree: Tree, settings: dict[str, Any]) -> None:
    tree.plugin("one", "one")
    registry = tree.registry(**settings)
    first = registry["one"]
    module = sys.modules[first.__module__]
    # A test that puts something in the plugin's place.
    patched = type("Patched", (first,), {})
    setattr(module, first.__name__, patched)
    assert registry["one"] is patched
    delattr(module, first.__name__)
    with pytest.raises(pc.PluginImportError, match="has no One"):
        registry["one"]
    importlib.reload(module)
    second = registry["one"]
    assert second is registry["one"] is getattr(module, "One")  # noqa: B009
    assert second is not first
    del sys.modules[module.__name__]
    third = registry["one"]
    assert third is registry["one"] is getattr(sys.modules[module.__name__], "One")  # noqa: B009
    assert third is not second
    # Another module of its name, from elsewhere.
    module = sys.modules[module.__name__]
    module.__file__ = str(tree.root / "elsewhere.py")
    with pytest.raises(pc.PluginImportError, match="two modules have one name"):
        registry["one"]


def test_the_search_path_is_looked_at_each_time(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.plugin("one", "one")
    registry = tree.registry()
    assert registry["one"] is registry["one"]
    seen = registry.index
    monkeypatch.syspath_prepend(str(tree.root / "more"))
    assert registry["one"].__name__ == "One"
    assert registry.index is not seen


def test_a_trusted_plugin_is_what_it_was_until_the_registry_is_refreshed(tree: Tree) -> None:
    tree.plugin("old", "old")
    # There is an index of what was there before.
    assert list(tree.registry()) == ["old"]
    tree.file("old").unlink()
    tree.plugin("one", "one")
    registry = tree.registry(strength="trust")
    assert registry.get("old") is None
    first = registry["one"]
    tree.plugin("one", "two")
    assert registry["one"] is registry["one"] is first
    registry.refresh()
    with pytest.raises(pc.UnknownPluginError):
        registry["one"]
    assert registry["two"] is first


def test_names_that_are_none(tree: Tree) -> None:
    class Text(str):
        pass

    tree.plugin("one", "one")
    for settings in ({}, {"strength": "trust"}):
        registry: Any = tree.registry(**settings)
        for _ in range(2):
            for name in (1, None, b"one", ("one",), ["one"]):
                with pytest.raises(pc.UnknownPluginError, match="is no name"):
                    registry[name]
            assert registry[Text("one")] is registry["one"]
            assert registry.get("nothing", 7) == 7


def test_a_suffix_a_case_rule_and_a_module_as_a_plugin(tree: Tree) -> None:
    tree.plugin("one", "OneHandler")
    registry = tree.registry(suffix="Handler", case="loose")
    assert all(registry[name] is registry["OneHandler"] for name in ("one", "One", "one_handler") * 2)
    modules: Any = tree.registry(base=None, rules=["module"], key="stem")
    assert modules["one"] is modules["one"] is sys.modules[f"{tree.package}.one"]


def test_a_registry_that_nobody_uses_is_freed_and_its_thread_ends(tree: Tree) -> None:
    tree.plugin("one", "one")
    threads = len(os.listdir("/proc/self/task"))
    registry = tree.registry(watch=True)
    assert registry["one"] is registry["one"]
    assert len(os.listdir("/proc/self/task")) == threads + 1
    # A plugin that knows its registry.
    registry["one"].registry = registry  # type: ignore[attr-defined]
    gone = weakref.ref(registry)
    for name in [name for name in sys.modules if name.split(".")[0] == tree.name]:
        del sys.modules[name]
    del registry
    gc.collect()
    assert gone() is None
    assert len(os.listdir("/proc/self/task")) == threads


def test_behaviour_20_a_watched_registry_in_a_forks_child(tree: Tree, run: Run) -> None:
    tree.plugin("one", "one")
    program = f"""
        import os, pathlib, sys, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import plugcache as pc
        sys.path.insert(0, {str(tree.root)!r})
        registry = pc.Registry("r", package={tree.package!r}, base="Handler", key="kind", watch=True)
        one = registry["one"]
        child = os.fork()
        if child == 0:
            ok = registry["one"] is one
            pathlib.Path({str(tree.file("one"))!r}).unlink()
            ok = ok and registry.get("one") is None
            os._exit(0 if ok else 1)
        _, status = os.waitpid(child, 0)
        print(status, registry.get("one"))
    """
    assert run(program) == "0 None"
