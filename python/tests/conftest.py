"""What tests share: a cache of their own, trees of plugins, and processes."""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import plugcache as pc

_numbers = itertools.count()

# The package's own plugin, where the package is not installed but only on the path.
_INSTALLED = tuple(importlib.metadata.entry_points(group="pytest11", name="plugcache"))
pytest_plugins = [] if _INSTALLED else ["plugcache.pytest_plugin"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, plugcache_directory: Path) -> Path:
    """A directory of a test's own, with caches and data of its own as the package's own plugin gives them."""
    assert plugcache_directory.parent != tmp_path
    return tmp_path


class Tree:
    """A package of plugins below a directory of its own, with a name that no other test has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = f"tree{next(_numbers)}"
        self.package = f"{self.name}.plugins"
        self.write(f"{self.name}/__init__.py", "")
        self.write(
            f"{self.name}/base.py",
            """
            class Handler:
                kind = None
            """,
        )
        self.write(f"{self.name}/plugins/__init__.py", "")

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def plugin(self, module: str, kind: str, body: str = "", before: str = "") -> Path:
        """A module with a plugin of that kind: what stands before the class, and in it."""
        lines = [
            textwrap.dedent(before),
            f"from {self.name}.base import Handler",
            f"class {module.title().replace('_', '')}(Handler):",
            f"    '''Handles {kind}.'''",
            f"    kind = {kind!r}",
            textwrap.indent(textwrap.dedent(body), "    "),
        ]
        return self.write(f"{self.name}/plugins/{module}.py", "\n".join(lines))

    def file(self, module: str) -> Path:
        return self.root / self.name / "plugins" / f"{module}.py"

    def registry(self, **settings: object) -> pc.Registry[type]:
        asked = {"package": self.package, "base": "Handler", "key": "kind", **settings}
        return pc.Registry(self.name, **asked)  # type: ignore[arg-type]

    def imported(self) -> set[str]:
        """Modules of plugins that this process has imported."""
        start = f"{self.package}."
        return {name.removeprefix(start) for name in sys.modules if name.startswith(start)}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tree]:
    """An importable package without plugins."""
    root = tmp_path / "tree"
    root.mkdir()
    made = Tree(root)
    monkeypatch.syspath_prepend(str(root))
    yield made
    for name in [name for name in sys.modules if name.split(".")[0] == made.name]:
        del sys.modules[name]


Run = Callable[..., str]


@pytest.fixture
def run(place: Path) -> Run:
    """Runs a program in a process of its own, with this test's caches, and returns what it prints."""

    def run(code: str, *arguments: str, **variables: str) -> str:
        script = place / f"program{next(_numbers)}.py"
        script.write_text(textwrap.dedent(code))
        return run_file(script, *arguments, **variables)

    return run


@pytest.fixture
def run_fixed(place: Path) -> Run:
    """Runs programs that are in one file, as one program is in its second process."""
    def run(code: str, *arguments: str, **variables: str) -> str:
        script = place / "program.py"
        text = textwrap.dedent(code)
        if not script.exists() or script.read_text() != text:
            script.write_text(text)
        return run_file(script, *arguments, **variables)

    return run


def run_file(script: Path, *arguments: str, **variables: str) -> str:
    """Runs a script, and returns what it prints; anything on standard error is a failure."""
    environment = {**os.environ, **variables}
    command = [sys.executable, "-X", "dev", "-W", "error", str(script), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()
