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
