"""`Registry`: what is listed, imported, noticed."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

import plugcache as pc

from conftest import Run, Tree


def test_behaviour_1_listing_imports_nothing_and_using_one_imports_one(tree: Tree) -> None:
    for number in range(5):
        tree.plugin(f"p{number}", f"kind{number}", body=f"__version__ = '1.{number}'")
    registry = tree.registry()
    assert list(registry) == [f"kind{number}" for number in range(5)]
    assert len(registry) == 5
    assert "kind3" in registry
    assert "nothing" not in registry
    record = registry.records["kind2"]
    assert (record.name, record.module, record.qualname) == ("kind2", f"{tree.package}.p2", "P2")
    assert (record.doc, record.version, record.line) == ("Handles kind2.", "1.2", 3)
    assert record.bases == (f"{tree.name}.base:Handler",)
    assert record.attributes["kind"] == "kind2"
    assert record.file == str(tree.file("p2"))
    assert record.digest is not None
    assert tree.name not in sys.modules
    plugin = registry["kind2"]
    assert (plugin.__name__, plugin.__module__) == ("P2", f"{tree.package}.p2")
    assert tree.imported() == {"p2"}
    seen = []
    for value in registry.values():
        seen.append((value.__name__, tree.imported()))
    assert seen[0] == ("P0", {"p0", "p2"})
    assert seen[1] == ("P1", {"p0", "p1", "p2"})


def test_behaviour_1_a_second_process_lists_from_the_index(tree: Tree, run: Run) -> None:
    tree.plugin("one", "one")
    program = f"""
        import sys
        import plugcache as pc
        sys.path.insert(0, {str(tree.root)!r})
        registry = pc.Registry("r", package={tree.package!r}, base="Handler", key="kind")
        print(list(registry), {tree.name!r} in sys.modules)
        print(registry.explain("one").splitlines()[2].split(":")[0])
    """
    run(program)
    assert run(program).splitlines() == ["['one'] False", "  answered   from the index"]


def test_behaviour_2_what_changes_on_disk_changes_the_next_answer(tree: Tree) -> None:
    tree.plugin("one", "one")
    registry = tree.registry()
    assert list(registry) == ["one"]
    tree.plugin("two", "two")
    assert list(registry) == ["one", "two"]
    # Same size, and the time of the last change put back.
    before = tree.file("one").stat()
    tree.plugin("one", "eno")
    os.utime(tree.file("one"), ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(registry) == ["eno", "two"]
    assert "one" not in registry
    tree.file("two").unlink()
    assert list(registry) == ["eno"]
    tree.plugin("_private", "hidden")
    tree.write(
        f"{tree.name}/plugins/__init__.py",
        f"from {tree.name}.base import Handler\nclass Own(Handler):\n    kind = 'own'\n",
    )
    assert list(registry) == ["eno", "hidden", "own"]


def test_behaviour_2_a_module_that_was_edited_before_it_is_used_is_imported_as_it_is(tree: Tree, run: Run) -> None:
    """Python believes compiled code of the same size and second; a plugin's name would then not be its own."""
    file = tree.plugin("one", "one")
    program = f"""
        import sys
        import plugcache as pc
        sys.path.insert(0, {str(tree.root)!r})
        registry = pc.Registry("r", package={tree.package!r}, base="Handler", key="kind")
        print([(name, plugin.kind) for name, plugin in registry.items()])
    """
    assert run(program) == "[('one', 'one')]"
    before = file.stat()
    tree.plugin("one", "eno")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(program) == "[('eno', 'eno')]"


def test_behaviour_3_a_failed_lookup_is_not_sticky(tree: Tree) -> None:
    tree.plugin("one", "one", before=f"import {tree.name}.needed")
    registry = tree.registry()
    with pytest.raises(pc.UnknownPluginError, match="did you mean one"):
        registry["on"]
    assert registry.get("two") is None
    tree.plugin("two", "two")
    assert registry["two"].__name__ == "Two"
    with pytest.raises(pc.PluginImportError) as caught:
        registry["one"]
    assert f"{tree.package}.one" in str(caught.value)
    assert caught.value.name == f"{tree.package}.one"
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    tree.write(f"{tree.name}/needed.py", "")
    assert registry["one"].__name__ == "One"


def test_behaviour_4_a_broken_plugin_hides_no_other(tree: Tree) -> None:
    tree.plugin("good", "good")
    tree.plugin("raises", "raises", before="raise RuntimeError('no licence')")
    broken = tree.write(f"{tree.name}/plugins/broken.py", "class Broken(\n")
    registry = tree.registry()
    assert list(registry) == ["good", "raises"]
    problems = [problem for problem in registry.problems if not problem.is_dynamic]
    assert [(problem.file, problem.line > 0) for problem in problems] == [(str(broken), True)]
    assert registry["good"].__name__ == "Good"
    with pytest.raises(pc.PluginImportError, match="raised RuntimeError: no licence"):
        registry["raises"]
    tree.plugin("broken", "mended")
    assert list(registry) == ["good", "mended", "raises"]
    assert not [problem for problem in registry.problems if not problem.is_dynamic]
    tree.plugin("raises", "raises")
    assert registry["raises"].__name__ == "Raises"


def test_behaviour_5_two_registries_of_one_name_do_not_see_each_other(tree: Tree) -> None:
    tree.plugin("one", "one")
    tree.write(f"{tree.name}/others/__init__.py", "")
    tree.write(
        f"{tree.name}/others/two.py",
        f"from {tree.name}.base import Handler\nclass Two(Handler):\n    kind = 'two'\n",
    )
    here = pc.Registry[type]("same", package=tree.package, base="Handler", key="kind")
    there = pc.Registry[type]("same", package=f"{tree.name}.others", base="Handler", key="kind")
    assert list(here) == ["one"]
    assert list(there) == ["two"]


def test_behaviour_9_an_import_that_reads_the_registry_beside_a_discovery(tree: Tree) -> None:
    """One thread imports a plugin whose module asks the registry in its turn, while others list."""
    for number in range(20):
        tree.plugin(f"p{number}", f"kind{number}")
    tree.plugin(
        "reads",
        "reads",
        before="import sys\nsys.registry_under_test.started.set()\n"
        "sys.registry_under_test.go.wait(20)\nNAMES = list(sys.registry_under_test.registry)",
    )

    class Shared:
        registry = tree.registry()
        started = threading.Event()
        go = threading.Event()

    setattr(sys, "registry_under_test", Shared)  # noqa: B010
    try:
        importing = threading.Thread(target=lambda: Shared.registry["reads"])
        importing.start()
        assert Shared.started.wait(20)
        # The plugin's module is half imported, and nothing of ours is locked.
        listed: list[list[str]] = []
        listing = threading.Thread(target=lambda: listed.append(list(tree.registry())))
        listing.start()
        listing.join(20)
        assert len(listed[0]) == 21
        Shared.go.set()
        importing.join(20)
        assert not importing.is_alive()
        assert len(sys.modules[f"{tree.package}.reads"].NAMES) == 21
    finally:
        delattr(sys, "registry_under_test")


def test_behaviour_12_duplicates_are_the_same_each_time_and_told(tree: Tree) -> None:
    tree.plugin("b_second", "same")
    tree.plugin("a_first", "same")
    registry = tree.registry()
    assert list(registry) == ["same"]
    record = registry.record("same")
    assert record.qualname == "AFirst"
    assert [place.split(" ")[0] for place in record.shadowed] == [f"{tree.package}.b_second:BSecond"]
    assert "hides" in registry.explain("same")
    assert tree.registry(duplicates="last")["same"].__name__ == "BSecond"
    refusing = tree.registry(duplicates="error")
    with pytest.raises(pc.AmbiguousPluginError, match=r"a_first.*b_second"):
        refusing["same"]
    assert "same" in refusing


def test_what_a_caller_does_to_a_record_changes_no_other(tree: Tree) -> None:
    tree.plugin("one", "one", body="options = ['a']")
    record = tree.registry().record("one")
    record.attributes["options"].append("b")
    assert record.attributes["options"] == ["a"]


def test_bases_are_found_by_class_by_name_and_by_reference(tree: Tree, tmp_path: Path) -> None:
    tree.plugin("one", "one")
    reference = f"{tree.name}.base:Handler"
    assert list(tree.registry(base=reference)) == ["one"]
    assert list(tree.registry(base=f"{tree.name}.base.Handler")) == ["one"]
    base = getattr(__import__(f"{tree.name}.base"), "base").Handler  # noqa: B009
    assert list(tree.registry(base=base)) == ["one"]
    with pytest.raises(pc.ConfigError, match=r"no class 'Nothing' .* name the base as module:Class"):
        list(tree.registry(base="Nothing"))
    with pytest.raises(pc.ConfigError, match="nowhere on sys.path"):
        list(pc.Registry("r", package="no_such_package_anywhere"))
    with pytest.raises(pc.ConfigError, match="unknown rule"):
        list(tree.registry(rules=["bases=a:B"]))


def test_roots_need_not_be_on_the_search_path(tmp_path: Path) -> None:
    root = tmp_path / "folder"
    root.mkdir()
    (root / "loose_plugin_module.py").write_text("class LoosePlugin:\n    pass\n")
    registry = pc.Registry[type]("loose", roots=[root], suffix="Plugin", key="class-without-suffix")
    assert list(registry) == ["Loose"]
    assert registry["Loose"].__name__ == "LoosePlugin"
    assert str(root) not in sys.path
    del sys.modules["loose_plugin_module"]


def test_another_module_of_the_same_name_is_not_taken_for_the_plugin(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module_of_one_name.py").write_text(f"class {name.title()}Plugin:\n    pass\n")
    first = pc.Registry[type]("first", roots=[tmp_path / "one"], suffix="Plugin")
    second = pc.Registry[type]("second", roots=[tmp_path / "two"], suffix="Plugin")
    assert first["One"].__name__ == "OnePlugin"
    with pytest.raises(pc.PluginImportError, match="two modules have one name"):
        second["Two"]
    del sys.modules["module_of_one_name"]


def test_a_source_checkout_is_looked_at_by_content(tree: Tree) -> None:
    tree.plugin("one", "one")
    assert not tree.registry().is_development
    (tree.root / "pyproject.toml").touch()
    registry = tree.registry()
    assert registry.is_development
    list(registry)
    assert "strength hash" in registry.explain("one")


def test_records_of_the_standard_library_are_what_importing_tells(tree: Tree) -> None:
    """A package that nobody wrote for this test: names, modules and documentation of `json`'s classes."""
    import json

    registry = pc.Registry[type]("json", package="json", private=False)
    assert {"JSONDecoder", "JSONEncoder", "JSONDecodeError"} <= set(registry)
    for name, record in registry.records.items():
        loaded = registry[name]
        assert (record.module, record.qualname) == (loaded.__module__, loaded.__qualname__)
        assert (record.doc or "").split() == (loaded.__doc__ or "").split()
    assert registry["JSONEncoder"] is json.JSONEncoder
