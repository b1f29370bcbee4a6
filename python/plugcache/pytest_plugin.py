"""pytest plugin: a cache of a test's own.

With plugcache installed, pytest has two more fixtures, and is otherwise as it was:

- `plugcache_directory`: caches are kept in a directory that only this test has, and plugins' own data in another one,
  for this process and for those that the test starts (`PLUGCACHE_DIR`, `PLUGCACHE_DATA_DIR`). Returns where caches are.
- `plugcache_data_directory`: the same; returns where plugins' own data is.

`plugcache_isolated = true` in pytest's settings, or `--plugcache-isolated`, gives every test that.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VARIABLES = ("PLUGCACHE_DIR", "PLUGCACHE_DATA_DIR")


def pytest_addoption(parser: pytest.Parser) -> None:
    """One setting, and one flag."""
    what = "give each test plugcache's caches, and data, of its own"
    parser.addini("plugcache_isolated", what, type="bool", default=False)
    group = parser.getgroup("plugcache")
    group.addoption("--plugcache-isolated", action="store_true", default=False, help=what)


def pytest_configure(config: pytest.Config) -> None:
    """Isolates every test if that is asked for."""
    if config.getini("plugcache_isolated") or config.getoption("--plugcache-isolated"):
        config.pluginmanager.register(_EveryTest(), "plugcache-isolated")


class _EveryTest:
    @pytest.fixture(autouse=True)
    def _plugcache_isolated(self, plugcache_directory: Path) -> None:
        """Caches of this test's own."""


@pytest.fixture
def plugcache_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Caches of this test's own, for it and the processes it starts. Where they are."""
    place = tmp_path_factory.mktemp("plugcache", numbered=True)
    directories = (place / "cache", place / "data")
    before = [os.environ.get(name) for name in _VARIABLES]
    # A test that does not use plugcache does not load it.
    package = sys.modules.get("plugcache")
    chosen = package._chosen if package is not None else (None, None)
    for name, directory in zip(_VARIABLES, directories, strict=True):
        os.environ[name] = str(directory)
    _configure((None, None))
    yield directories[0]
    for name, value in zip(_VARIABLES, before, strict=True):
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _configure(chosen)


def _configure(chosen: tuple[str | None, str | None]) -> None:
    if "plugcache._plugcache" in sys.modules:
        import plugcache

        plugcache.configure(directory=chosen[0], data_directory=chosen[1])


@pytest.fixture
def plugcache_data_directory(plugcache_directory: Path) -> Path:
    """Plugins' own data of this test's own. Where it is."""
    return plugcache_directory.with_name("data")
