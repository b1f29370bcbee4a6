"""Members that are hard to see from source: what is listed is what importing registers, or importing tells it."""

from __future__ import annotations

import os
import py_compile
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Tree
from test_metaclass_registry import Family

HEAD = "from {name}.base import Handler\n"
EXTRA = "class Extra(Handler):\n    kind = 'extra'\n"


@pytest.fixture
def family(tree: Tree) -> Iterator[Family]:
    made = Family(tree)
    made.member("a")
    yield made


def write(family: Family, path: str, text: str) -> Path:
    """`NAME` stands for the package."""
    text = textwrap.dedent(text).replace("NAME", family.tree.name)
    return family.tree.write(f"{family.tree.name}/{path}", text)


def extra(family: Family, path: str) -> Path:
    return write(family, path, HEAD.format(name="NAME") + EXTRA)


def keys(family: Family) -> list[Any]:
    return sorted(map(str, family.registry))


@pytest.mark.parametrize(
    "text",
    [
        "__path__.append(DIRECTORY)",
        "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__) + [DIRECTORY]",
        "def more():\n    globals()['__path__'].append(DIRECTORY)\nmore()",
    ],
)
def test_an_extended_path_is_seen(family: Family, text: str) -> None:
    """Modules in the added directory were not listed, without a word."""
    place = family.tree.root / "elsewhere"
    family.tree.write("elsewhere/more.py", HEAD.format(name=family.tree.name) + EXTRA)
    write(family, "plugins/__init__.py", text.replace("DIRECTORY", repr(str(place))))
    assert keys(family) == ["a", "extra"]


def test_a_path_that_the_host_extends_is_seen(family: Family) -> None:
    place = family.tree.root / "elsewhere"
    family.tree.write("elsewhere/more.py", HEAD.format(name=family.tree.name) + EXTRA)
    assert keys(family) == ["a"]
    __import__(family.tree.package)
    assert keys(family) == ["a"] and family.why() == ""
    sys.modules[family.tree.package].__path__.append(str(place))
    assert keys(family) == ["a", "extra"]


def test_a_package_in_an_archive_is_imported(tmp_path: Path, family: Family, run: Run) -> None:
    """The listing was empty."""
    import zipfile

    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for file in sorted((family.tree.root / family.tree.name).rglob("*.py")):
            opened.write(file, str(file.relative_to(family.tree.root)))
    program = f"""
        import sys
        sys.path.insert(0, {str(archive)!r})
        import plugcache.compat.metaclass_registry as compat
        compat.install()
        from {family.tree.name}.base import HANDLERS
        print(list(HANDLERS))
    """
    assert run(program).split() == ["['a']"]


def test_directories_that_are_no_packages_are_not_looked_into(family: Family) -> None:
    """Keys were listed that importing never registers."""
    family.write_base(discovery_recursive=True)
    extra(family, "plugins/plain/b.py")
    assert keys(family) == ["a"]
    write(family, "plugins/plain/__init__.py", "")
    assert keys(family) == ["a", "extra"]
    assert family.why() == "" and family.imported() == set()


@pytest.mark.parametrize("module", ["b", "b/__init__"])
def test_modules_without_source_are_imported(family: Family, module: str) -> None:
    """A module that is byte code only was not listed."""
    family.write_base(discovery_recursive=True)
    file = extra(family, f"plugins/{module}.py")
    py_compile.compile(str(file), f"{file}c", doraise=True)
    os.remove(file)
    assert keys(family) == ["a", "extra"]
    assert "has no source" in family.why() or family.imported() >= {"b"}


def test_prose_is_no_import(family: Family, run: Run) -> None:
    """A docstring with a line like an import made members vanish (0.1)."""
    prose = '"""Handlers that are brought in by\nimport statements only.\n\nimport nothing_of_this_name\n"""\n'
    write(family, "plugins/b.py", prose + HEAD.format(name="NAME") + EXTRA)
    program = f"""
        import sys
        sys.path.insert(0, {str(family.tree.root)!r})
        import plugcache.compat.metaclass_registry as compat
        compat.install(profile="0.1")
        from {family.tree.name}.base import HANDLERS
        print(compat.why_imported(HANDLERS))
        print(sorted(HANDLERS))
    """
    assert run(program).split("\n") == ["None", "['a', 'extra']"]


def test_prose_of_the_root_is_not_what_ran_with_it(family: Family) -> None:
    """A module that the root's docstring shows how to import was taken for imported: its members were missing."""
    write(family, "more.py", HEAD.format(name="NAME") + "for one in 'xy':\n    type(one, (Handler,), {'kind': one})\n")
    family.write_base(before=f'"""Use it so:\n\nfrom {family.tree.name} import more\n"""\n')
    family.member("a", before=f"import {family.tree.name}.more")
    assert keys(family) == ["a", "x", "y"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("does", ["_running", "_lock"])
def test_a_fork_in_the_middle_of_discovery_leaves_the_child_whole(family: Family, run: Run, does: str) -> None:
    """The child waited for a thread that it does not have: a minute a listing, or for ever."""
    family.member("odd", after="type('Odd2', (Handler,), {'kind': 'odd2'})\nimport sys\nsys.modules['gate'].pass_by()")
    program = f"""
        import logging, os, sys, threading, types
        sys.path.insert(0, {str(family.tree.root)!r})
        import plugcache.compat.metaclass_registry as compat
        compat.install()
        logging.basicConfig()
        before = list(logging.getLogger().handlers)
        from plugcache.compat.metaclass_registry import _mappings
        _mappings._PATIENCE = 3600.0
        gate = sys.modules["gate"] = types.ModuleType("gate")
        inside, go = threading.Event(), threading.Event()
        gate.pass_by = lambda: None
        from {family.tree.name}.base import HANDLERS
        from plugcache.compat.metaclass_registry import discovery
        imports = discovery.importlib.import_module
        def slowly(*given):
            if threading.current_thread() is not threading.main_thread():
                inside.set()
                go.wait()
            return imports(*given)
        discovery.importlib = types.SimpleNamespace(import_module=slowly)
        if {does!r} == "_lock":
            HANDLERS._lock.acquire()
            discovery._guarding.acquire()
        else:
            thread = threading.Thread(target=lambda: list(HANDLERS))
            thread.start()
            inside.wait()
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if not child:
            print(sorted(HANDLERS), logging.getLogger().handlers == before, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        go.set()
        if {does!r} != "_lock":
            thread.join()
            assert sorted(HANDLERS) == ["a", "odd", "odd2"] and logging.getLogger().handlers == before
    """
    assert run(program).strip() == "['a', 'odd', 'odd2'] True"


CONSTANTS = {"new.py": "KIND = 'new'\n", "old.py": "KIND = 'old'\n"}


@pytest.mark.parametrize(
    ("before", "key"),
    [
        ("try:\n    from NAME.new import KIND\nexcept ImportError:\n    from NAME.old import KIND\n", "new"),
        ("from NAME.old import KIND\nKIND += '_v2'\n", "old_v2"),
        ("KIND = 'right'\ndef f():\n    from NAME.old import KIND\n", "right"),
        ("from NAME.old import KIND\nfor KIND in ('x', 'y'): pass\n", "y"),
        ("from NAME.old import KIND\ndef f():\n    global KIND\n    KIND = 'z'\nf()\n", "z"),
    ],
)
def test_names_that_are_bound_twice_are_not_followed(family: Family, before: str, key: str) -> None:
    """The last import of a name won, wherever it was: wrong keys."""
    for name, text in CONSTANTS.items():
        write(family, name, text)
    write(family, "plugins/b.py", HEAD.format(name="NAME") + before + "class B(Handler):\n    kind = KIND\n")
    family.write_base(before=f"import {family.tree.name}.new, {family.tree.name}.old\n")
    assert keys(family) == ["a", key]


def test_a_constant_that_is_bound_once_is_followed(family: Family) -> None:
    write(family, "old.py", CONSTANTS["old.py"])
    text = "from NAME.old import KIND\nclass B(Handler):\n    kind = KIND\n"
    write(family, "plugins/b.py", HEAD.format(name="NAME") + text)
    family.write_base(before=f"import {family.tree.name}.old\n")
    assert keys(family) == ["a", "old"] and family.why() == "" and family.imported() == set()


@pytest.mark.parametrize(
    "body",
    [
        "for kind in ('x', 'z'): pass",
        "with contextlib.nullcontext('z') as kind: pass",
        "LABEL = (kind := 'z')",
        "locals()['kind'] = 'z'",
        "locals().update(kind='z')",
        "match 'z':\n        case kind: pass",
        "x = Setter()",
    ],
)
def test_keys_that_a_body_binds_otherwise_are_seen(family: Family, body: str) -> None:
    """The member vanished."""
    setter = "class Setter:\n    def __set_name__(self, owner, name):\n        owner.kind = 'z'\n"
    text = f"import contextlib\n{setter if 'Setter' in body else ''}class B(Handler):\n    {body}\n"
    write(family, "plugins/b.py", HEAD.format(name="NAME") + text)
    assert keys(family) == ["a", "z"]


@pytest.mark.parametrize(
    "text",
    [
        "from importlib import import_module as im\nim('NAME.mo' + 're')",
        "import importlib as il\nil.import_module('NAME.mo' + 're')",
        "f = __import__\nf('NAME.more')",
        "import importlib\nlist(map(importlib.import_module, ['NAME.more']))",
        "from importlib import import_module as im\ndef go():\n    im('NAME.mo' + 're')\ngo()",
        "from NAME.tools import load\nload('NAME.more')",
    ],
)
def test_imports_by_another_name_are_followed(family: Family, text: str) -> None:
    """Members of modules that are imported so were missing."""
    extra(family, "more.py")
    write(family, "tools.py", "from importlib import import_module as load\n")
    write(family, "plugins/__init__.py", text)
    assert keys(family) == ["a", "extra"]
