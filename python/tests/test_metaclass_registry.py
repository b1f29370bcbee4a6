"""The stand-in for metaclass-registry: listing imports nothing, and none of the original's faults is left."""

from __future__ import annotations

import enum
import os
import pickle
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Tree

import plugcache as pc
from plugcache.compat import metaclass_registry as compat
from plugcache.compat.metaclass_registry.exceptions import DuplicateRegistryKeyError, MemberImportError

compat.install()

BASE = """
    from metaclass_registry import AutoRegisterMeta, LazyDiscoveryDict, RegistryConfig
    HANDLERS = LazyDiscoveryDict()
    class Handler(metaclass=AutoRegisterMeta):
        __registry_config__ = RegistryConfig(
            registry_dict=HANDLERS, key_attribute="kind", discovery_package="{package}",
            skip_if_no_key=True, registry_name="handler", **{settings})
        kind = None
"""


class Family:
    """A package with a family of handlers, one member in each module."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.settings: dict[str, Any] = {}
        self.write_base()

    def write_base(self, body: str = "", before: str = "", **settings: Any) -> None:
        text = textwrap.dedent(BASE).format(package=self.tree.package, settings=settings)
        text = textwrap.dedent(before) + text + textwrap.indent(textwrap.dedent(body), "    ")
        self.tree.write(f"{self.tree.name}/base.py", text)

    def member(self, module: str, key: str = "", body: str = "pass", before: str = "", after: str = "") -> Path:
        lines = [
            textwrap.dedent(before),
            f"from {self.tree.name}.base import Handler, HANDLERS",
            f"class {module.title().replace('_', '')}(Handler):",
            f"    kind = {key or repr(module)}",
            textwrap.indent(textwrap.dedent(body), "    "),
            textwrap.dedent(after),
        ]
        return self.tree.write(f"{self.tree.name}/plugins/{module}.py", "\n".join(lines))

    @property
    def registry(self) -> Any:
        return self.base.HANDLERS

    @property
    def base(self) -> Any:
        __import__(f"{self.tree.name}.base")
        return sys.modules[f"{self.tree.name}.base"]

    def imported(self) -> set[str]:
        return self.tree.imported()

    def why(self) -> str:
        return compat.why_imported(self.registry) or ""


@pytest.fixture
def family(tree: Tree) -> Iterator[Family]:
    yield Family(tree)


def test_listing_imports_nothing_and_a_key_imports_its_one_module(family: Family) -> None:
    for name in ("tiff", "zarr", "omero"):
        family.member(name)
    registry = family.registry
    assert list(registry) == ["omero", "tiff", "zarr"]
    assert len(registry) == 3
    assert "tiff" in registry and "png" not in registry
    assert sorted(registry.keys()) == ["omero", "tiff", "zarr"]
    assert list(reversed(registry)) == ["zarr", "tiff", "omero"]
    assert "not imported" in repr(registry)
    assert family.imported() == set()
    assert registry["tiff"].__name__ == "Tiff"
    assert registry.get("tiff") is registry["tiff"]
    assert registry.get("png") is None
    assert family.imported() == {"tiff"}
    with pytest.raises(KeyError):
        registry["png"]
    assert family.imported() == {"tiff"}


def test_values_are_imported_one_after_the_other(family: Family) -> None:
    for name in ("a", "b", "c"):
        family.member(name)
    values = iter(family.registry.values())
    assert next(values).__name__ == "A"
    assert family.imported() == {"a"}
    assert [key for key, _ in family.registry.items()] == ["a", "b", "c"]
    assert family.imported() == {"a", "b", "c"}
    assert family.why() == ""


def test_a_second_process_lists_without_reading_source(family: Family, run_fixed: Run) -> None:
    family.member("a")
    program = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import plugcache.compat.metaclass_registry as compat
        compat.install()
        base = __import__(sys.argv[2] + ".base").base
        print(list(base.HANDLERS), "plugcache.compat.metaclass_registry._source" in sys.modules)
    """
    arguments = (str(family.tree.root), family.tree.name)
    assert run_fixed(program, *arguments) == "['a'] True"
    assert run_fixed(program, *arguments) == "['a'] False"


def test_files_that_come_go_and_change_are_seen_at_the_next_question(family: Family) -> None:
    """The original never sees a file that was added after caching (0.1), and keeps keys of files that were edited
    with their times preserved, or within a second."""
    file = family.member("a")
    registry = family.registry
    assert list(registry) == ["a"]
    family.member("b")
    assert list(registry) == ["a", "b"]
    before = os.stat(file)
    family.member("a", "'x'")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert list(registry) == ["x", "b"]
    file.unlink()
    assert list(registry) == ["b"]
    assert "x" not in registry
    assert family.imported() == set()


def test_private_modules_and_packages_count(family: Family) -> None:
    """An edit in `_private.py` or `__init__.py` leaves a phantom in the original (0.1)."""
    family.member("_private", "'private'")
    assert list(family.registry) == ["private"]
    family.member("_private", "'other'")
    assert list(family.registry) == ["other"]
    family.member("__init__", "'package'")
    assert sorted(family.registry) == ["other", "package"]


def test_nested_classes_and_packages_inside(family: Family) -> None:
    family.write_base(discovery_recursive=True)
    family.member("outer", body="class Inner(Handler):\n    kind = 'inner'")
    family.tree.write(f"{family.tree.name}/plugins/deep/__init__.py", "")
    family.member("deep/far", "'far'")
    path = family.tree.root / family.tree.name / "plugins/deep/far.py"
    path.write_text(path.read_text().replace("class Deep/Far", "class Far"))
    assert set(family.registry) == {"outer", "inner", "far"}
    assert family.imported() == set()
    assert family.registry["inner"].__qualname__ == "Outer.Inner"
    assert family.imported() == {"outer"}


def test_keys_keep_type_and_identity(family: Family) -> None:
    """In the original an int key comes back as text beside itself (0.1), and a plugin with a bytes key is missing."""
    family.tree.write(
        f"{family.tree.name}/kinds.py",
        """
        import enum
        class Kind(enum.Enum):
            A = "a"
        class Text(str, enum.Enum):
            B = "b"
        """,
    )
    family.write_base(before=f"from {family.tree.name}.kinds import Kind, Text\n")
    before = f"from {family.tree.name}.kinds import Kind, Text"
    keys = {"i": "7", "t": "(1, 'x', None)", "y": "b'raw'", "k": "Kind.A", "s": "Text.B", "f": "2.5"}
    for module, key in keys.items():
        family.member(module, key, before=before)
    kinds = sys.modules[family.base.Kind.__module__]
    expected = {7, (1, "x", None), b"raw", kinds.Kind.A, kinds.Text.B, 2.5}
    found = list(family.registry)
    assert set(found) == expected
    assert {type(key) for key in found} == {int, tuple, bytes, kinds.Kind, kinds.Text, float}
    assert next(key for key in found if isinstance(key, enum.Enum) and key.name == "A") is kinds.Kind.A
    assert family.imported() == set()
    assert family.registry[7].kind == 7
    assert family.registry[kinds.Text.B].kind is kinds.Text.B


def test_inherited_keys_abstract_classes_and_mixins_are_as_importing_has_them(family: Family) -> None:
    family.write_base("@abstractmethod\ndef run(self): ...", before="from abc import abstractmethod\n")
    family.tree.write(
        f"{family.tree.name}/plugins/all.py",
        f"""
        from {family.tree.name}.base import Handler
        class Runs:
            def run(self): ...
        class Middle(Handler):
            kind = "middle"
        class Whole(Middle):
            def run(self): ...
        class Mixed(Runs, Handler):
            kind = "mixed"
        class Late(Handler, Runs):
            kind = "late"
        class Unnamed(Runs, Handler):
            pass
        """,
    )
    found = list(family.registry)
    assert family.imported() == set() and family.why() == ""
    assert found == ["middle", "mixed"]
    assert {key: one.__name__ for key, one in family.registry.items()} == {"middle": "Whole", "mixed": "Mixed"}


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("import sys\nif sys.version_info > (3,):\n    class A(Handler):\n        kind = 'a'", ["a"]),
        ("for name in 'ab':\n    type(name, (Handler,), {'kind': name})", ["a", "b"]),
        ("def make(base):\n    class Made(base):\n        kind = 'made'\nmake(Handler)", ["made"]),
        ("def make():\n    class Made(Handler):\n        kind = 'made'\n    return Made\nMade = make()", ["made"]),
        ("def parent():\n    return Handler\nclass A(parent()):\n    kind = 'a'", ["a"]),
        ("PARENTS = [Handler]\nclass A(PARENTS[0]):\n    kind = 'a'", ["a"]),
        ("def key():\n    return 'k'\nclass A(Handler):\n    kind = key()", ["k"]),
        ("class A(Handler):\n    kind = 'a'\nHANDLERS['alias'] = A", ["a", "alias"]),
        ("class A(Handler):\n    kind = 'a'\nHANDLERS.pop('a')", []),
        ("class A(Handler):\n    pass\nA.kind = 'late'\nclass B(A):\n    pass", ["late"]),
        ("def wrap(cls):\n    class More(cls):\n        kind = 'more'\n    return cls\n@wrap\nclass A(Handler):\n"
         "    kind = 'a'", ["a", "more"]),
        ("class A(Handler):\n    kind = 'a'\nclass A(Handler):\n    kind = 'b'", ["a", "b"]),
        ("class A(Handler):\n    kind = 'a'\n    def __init_subclass__(cls):\n        cls.kind = 'hook'\n"
         "class B(A):\n    pass", ["a", "hook"]),
        ("exec('class A(Handler):\\n    kind = \"a\"')", ["a"]),
        ("try:\n    import no_such_module\nexcept ImportError:\n    class A(Handler):\n        kind = 'a'", ["a"]),
        ("from {name} import factory\nfactory.fill()", ["filled"]),
        ("import {name}.factory as made\nclass A(Handler):\n    kind = 'a'\nmade.Maker().go()", ["a", "gone"]),
        ("import {name}.elsewhere\n", ["elsewhere"]),
        ("import importlib\nimportlib.import_module('{name}.else' + 'where')", ["elsewhere"]),
    ],
)  # fmt: skip
def test_what_only_running_tells_is_told_by_running(family: Family, source: str, keys: list[str]) -> None:
    """Where source leaves room for another answer, the package is imported: never a wrong list."""
    name = family.tree.name
    family.tree.write(
        f"{name}/factory.py",
        f"""
        def fill():
            from {name}.base import Handler
            class Filled(Handler):
                kind = "filled"
        class Maker:
            def go(self):
                from {name} import base
                class Gone(base.Handler):
                    kind = "gone"
        """,
    )
    family.tree.write(
        f"{name}/elsewhere.py",
        f"from {name}.base import Handler\nclass Elsewhere(Handler):\n    kind = 'elsewhere'\n",
    )
    family.tree.write(
        f"{name}/plugins/odd.py", f"from {name}.base import Handler, HANDLERS\n{source.replace('{name}', name)}\n"
    )
    assert sorted(family.registry) == sorted(keys)
    assert family.imported() == {"odd"}


def test_what_looks_odd_and_is_not_needs_no_import(family: Family) -> None:
    family.member("a", "'a'", before="""
        from __future__ import annotations
        import logging
        from dataclasses import dataclass
        from typing import TYPE_CHECKING, Generic, TypeVar
        if TYPE_CHECKING:
            from nowhere import Nothing
        T = TypeVar("T")
        logger = logging.getLogger(__name__)
        try:
            import numpy_or_not as numpy
        except ImportError:
            numpy = None
        def helper(handler: type[Handler]) -> bool:
            return isinstance(handler, Handler)
        KNOWN = {"one": 1}
        KNOWN.update(two=2)
        logger.debug("made %s", KNOWN)
        class Other(Generic[T]):
            pass
        """, body="extra: int = 3", after="A.later = helper\nALIAS = HANDLERS")  # fmt: skip
    assert (list(family.registry), family.imported(), family.why()) == (["a"], set(), "")


def test_extractors_of_ours_need_no_import_and_others_do(family: Family) -> None:
    for expression, is_static in (("extract_key_from_handler_suffix", True), ("lambda name, cls: name.lower()", False)):
        name = "tiff" if is_static else "png"
        text = family.tree.write(f"{family.tree.name}/base.py", "").read_text()
        text = textwrap.dedent(BASE).format(package=family.tree.package, settings={})
        text = text.replace("skip_if_no_key", f"key_extractor={expression}, skip_if_no_key")
        family.tree.write(f"{family.tree.name}/base.py", "from metaclass_registry import *\n" + text)
        for module in [name for name in sys.modules if name.startswith(family.tree.name)]:
            del sys.modules[module]
        path = family.tree.write(f"{family.tree.name}/plugins/one.py", "")
        path.write_text(f"from {family.tree.name}.base import Handler\nclass {name.title()}Handler(Handler): pass\n")
        expected = name if is_static else f"{name}handler"
        assert list(family.registry) == [expected]
        assert (family.imported() == set()) is is_static


def test_one_broken_plugin_hides_no_other_and_is_tried_again(family: Family) -> None:
    """In the original the whole registry raises at each access (0.4), or a partial one is cached for a week (0.1)."""
    family.member("good")
    broken = family.member("broken", before="import a_module_that_is_not_there")
    registry = family.registry
    assert sorted(registry) == ["broken", "good"]
    assert registry["good"].__name__ == "Good"
    for _ in range(2):
        with pytest.raises(MemberImportError, match="a_module_that_is_not_there") as raised:
            registry["broken"]
        assert isinstance(raised.value, (pc.PluginImportError, KeyError, ImportError))
    seen = []
    with pytest.raises(MemberImportError):
        seen.extend(registry.values())
    assert [one.__name__ for one in seen] == ["Good"]
    family.tree.write("a_module_that_is_not_there.py", "")
    assert registry["broken"].__name__ == "Broken"
    del sys.modules["a_module_that_is_not_there"]
    assert broken.exists()


def test_a_broken_module_in_a_registry_that_is_imported_hides_no_member(family: Family) -> None:
    family.member("dynamic", "'a' + 'b'[:1]")
    family.member("good")
    family.member("broken", "'c' + 'd'", before="import a_module_that_is_not_there")
    registry = family.registry
    with pytest.warns(pc.PlugcacheWarning, match="a_module_that_is_not_there"):
        assert sorted(registry) == ["ab", "good"]
    assert registry["good"].__name__ == "Good"
    with pytest.raises(KeyError, match="not everything could be imported"):
        registry["cd"]
    family.tree.write("a_module_that_is_not_there.py", "")
    assert registry["cd"].__name__ == "Broken"
    del sys.modules["a_module_that_is_not_there"]


def test_a_key_that_two_have_is_told_at_each_listing(family: Family) -> None:
    family.member("a", "'same'")
    family.member("b", "'same'")
    for _ in range(2):
        with pytest.raises(DuplicateRegistryKeyError, match="'same'"):
            list(family.registry)


def test_two_packages_with_one_registry_name_have_their_own_members(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original serves the second one the first one's plugins (0.1)."""
    root = tmp_path / "second"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    other = Family(Tree(root))
    family.member("a")
    other.member("b")
    assert (list(family.registry), list(other.registry)) == (["a"], ["b"])
    assert (family.registry["a"].__module__, other.registry["b"].__module__) == (
        f"{family.tree.package}.a",
        f"{other.tree.package}.b",
    )


def test_all_ways_to_read_see_all_members(family: Family) -> None:
    """In the original `repr`, `==`, `copy`, `pop`, `setdefault` and `|` see what happens to be imported."""
    for name in ("a", "b", "c", "d"):
        family.member(name)
    registry = family.registry
    assert repr(registry).count("not imported") == 4
    assert registry.setdefault("a", None).__name__ == "A"
    assert family.imported() == {"a"}
    assert registry.pop("b").__name__ == "B"
    assert registry.pop("b", None) is None
    assert sorted(registry) == ["a", "c", "d"]
    assert sorted(registry.copy()) == sorted(registry | {}) == sorted({} | registry) == ["a", "c", "d"]
    assert registry == dict(registry.items()) and registry != {"a": registry["a"]}
    assert dict(registry) == {**registry} == registry
    del registry["c"]
    assert registry.popitem()[0] == "d"
    assert list(registry) == ["a"]
    registry.clear()
    assert list(registry) == [] and not registry


def test_a_registry_survives_a_pickle_and_goes_on(family: Family) -> None:
    """An int key is an AttributeError in the original (0.1)."""
    family.member("a", "7")
    again = pickle.loads(pickle.dumps(family.registry))
    assert dict(again) == {7: family.registry[7]}
    family.member("b", "8")
    assert sorted(again) == [7, 8]
    assert again[8].__name__ == "B"


def test_discovery_in_one_thread_and_an_import_that_reads_the_registry_in_another_end(run: Run, tmp_path: Path) -> None:
    """In the original each waits for the other for ever: discovery holds its lock while it imports, and the module
    that is imported in the other thread waits for that lock while it holds its import lock."""
    package = tmp_path / "stuck"
    (package / "plugins").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "plugins/__init__.py").write_text("")
    (package / "gate.py").write_text("import threading\nfirst, second = threading.Event(), threading.Event()\n")
    base = textwrap.dedent(BASE).format(package="stuck.plugins", settings={})
    (package / "base.py").write_text(base)
    (package / "plugins/a.py").write_text(
        "from stuck import gate\nfrom stuck.base import Handler\n"
        "gate.second.set(); gate.first.wait(20)\nimport stuck.plugins.b\n"
        "class A(Handler):\n    kind = 'a' + ''\n"
    )
    (package / "plugins/b.py").write_text(
        "from stuck import gate\nfrom stuck.base import Handler, HANDLERS\n"
        "gate.first.set(); gate.second.wait(20)\nlen(HANDLERS)\n"
        "class B(Handler):\n    kind = 'b' + ''\n"
    )
    program = """
        import sys, threading
        sys.path.insert(0, sys.argv[1])
        import plugcache.compat.metaclass_registry as compat
        compat.install()
        from stuck.base import HANDLERS
        def other():
            import stuck.plugins.b
        threads = [threading.Thread(target=target) for target in (lambda: list(HANDLERS), other)]
        for thread in threads:
            thread.daemon = True
            thread.start()
        for thread in threads:
            thread.join(60)
        print(any(thread.is_alive() for thread in threads), sorted(HANDLERS))
    """
    assert run(program, str(tmp_path)) == "False ['a', 'b']"


def test_many_threads_get_one_class(family: Family) -> None:
    family.member("a", before="import sys")
    registry = family.registry
    found: list[Any] = []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait(30)
        found.append(registry["a"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8 and len(set(map(id, found))) == 1


def test_switched_off_by_the_hosts_variable(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OPENHCS_DISABLE_REGISTRY_CACHE` is in the host's documents, and does nothing in the original."""
    family.member("a")
    monkeypatch.setenv("OPENHCS_DISABLE_REGISTRY_CACHE", "1")
    assert list(family.registry) == ["a"]
    assert family.imported() == {"a"}


def test_secondary_registries_see_all_members(tree: Tree) -> None:
    base = """
        from metaclass_registry import *
        HANDLERS = LazyDiscoveryDict()
        READERS = {}
        class Handler(metaclass=AutoRegisterMeta):
            __registry_config__ = RegistryConfig(
                registry_dict=HANDLERS, key_attribute="kind", discovery_package="PACKAGE", skip_if_no_key=True,
                secondary_registries=[SecondaryRegistry(READERS, PRIMARY_KEY, "reader")])
            kind = None
            reader = None
    """
    tree.write(f"{tree.name}/base.py", base.replace("PACKAGE", tree.package))
    tree.plugin("a", "a", "reader = int")
    __import__(f"{tree.name}.base")
    module: Any = sys.modules[f"{tree.name}.base"]
    assert list(module.HANDLERS) == ["a"] and tree.imported() == set()
    assert dict(module.READERS) == {"a": int}
    assert tree.imported() == {"a"}


def test_profile_0_1_infers_lets_the_last_win_and_leaves_out(run: Run, tmp_path: Path) -> None:
    package = tmp_path / "old"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(
        "from metaclass_registry import AutoRegisterMeta\n"
        "class Handler(metaclass=AutoRegisterMeta):\n    __registry_key__ = 'kind'\n    kind = None\n"
    )
    for name, key, before in (("a", "one", ""), ("b", "two", "import not_installed_here"), ("c", "three", "")):
        (package / f"{name}.py").write_text(
            f"{before}\nfrom old.base import Handler\nclass {name.upper()}(Handler):\n    kind = '{key}'\n"
        )
    program = """
        import logging, sys
        logging.disable(logging.CRITICAL)
        sys.path.insert(0, sys.argv[1])
        import plugcache.compat.metaclass_registry as compat
        compat.install(profile="0.1")
        import metaclass_registry
        assert metaclass_registry.__version__ == "0.1.4" and not hasattr(metaclass_registry, "register_once")
        from old.base import Handler
        print(list(Handler.__registry__), [name for name in sys.modules if name.startswith("old.")])
        with open(sys.argv[1] + "/not_installed_here.py", "w"): pass
        print(list(Handler.__registry__))
        with open(sys.argv[1] + "/old/d.py", "w") as file:
            file.write("from old.base import Handler\\nclass D(Handler):\\n    kind = 'one'\\n")
        print(Handler.__registry__["one"].__name__, len(Handler.__registry__))
    """
    assert run(program, str(tmp_path)).splitlines() == [
        "['one', 'three'] ['old.base']",
        "['one', 'two', 'three']",
        "D 3",
    ]


def test_installing_late_or_for_another_profile_is_refused(run: Run) -> None:
    program = """
        import sys, types
        import plugcache as pc
        import plugcache.compat.metaclass_registry as compat
        sys.modules["metaclass_registry"] = types.ModuleType("metaclass_registry")
        for profile in ("0.4", "0.9"):
            try:
                compat.install(profile)
            except pc.ConfigError as error:
                print(error)
        del sys.modules["metaclass_registry"]
        assert compat.install() is compat.install()
        import metaclass_registry.strategies, metaclass_registry.testing, metaclass_registry.caches
        try:
            compat.install("0.1")
        except pc.ConfigError as error:
            print(error)
    """
    said = run(program).splitlines()
    assert ["before install()" in said[0], "expected one of 0.1, 0.4" in said[1], "in force" in said[2]] == [True] * 3
