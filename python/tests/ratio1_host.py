"""A program of ratio1's kind for the tests: its log, its managers, its trees of plugins."""

from __future__ import annotations

import itertools
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugcache.compat import ratio1

_numbers = itertools.count()


class Log:
    """What managers ask of a log."""

    def __init__(self, data: Path | None = None, **config: Any) -> None:
        self.config_data: dict[str, Any] = config
        self.said: list[tuple[str, str | None]] = []
        self._data = data

    def P(self, text: str, color: str | None = None, **kwargs: Any) -> None:
        self.said.append((str(text), color))

    def get_data_folder(self) -> str:
        return str(self._data)

    def text(self) -> str:
        return "\n".join(text for text, _ in self.said)


class Host(ratio1._PluginsManagerMixin):
    """Uses the mixin directly, as some of the program's classes do."""

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.log = Log(**config)
        self.notifications: list[dict[str, Any]] = []

    def P(self, text: str, color: str | None = None) -> None:
        self.log.P(text, color=color)

    def _create_notification(self, **kwargs: Any) -> None:
        self.notifications.append(kwargs)


class Node:
    """A directory on the search path with a tree of plugins of names that no other test has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        number = next(_numbers)
        self.user, self.safe = f"user{number}", f"core{number}"
        for place in (f"{self.user}/plugins", f"{self.safe}/default"):
            (root / place).mkdir(parents=True)
        for place in (self.safe, f"{self.safe}/default"):
            (root / place / "__init__.py").write_text("")

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def plugin(self, module: str, body: str = "", name: str | None = None) -> Path:
        """A module below the root, by its dotted name without the topmost package: a user's, or one of the host's if
        that package is named."""
        own = module.rpartition(".")[2]
        name = name or "".join(part.title() for part in own.split("_")) + "Plugin"
        path = module.replace(".", "/") + ".py"
        if not module.startswith((self.user, self.safe)):
            path = f"{self.user}/plugins/{path}"
        return self.write(path, f"{textwrap.dedent(body)}\nclass {name}:\n    pass\n")

    def ask(self, host: Any, name: str, suffix: Any = "Plugin", **settings: Any) -> Any:
        asked = {"locations": f"{self.user}.plugins", "name": name, "suffix": suffix, **settings}
        if isinstance(host, ratio1.Manager):
            asked.setdefault("safe_locations", [f"{self.safe}.default"])
        return host._get_module_name_and_class(**asked)

    def forget(self) -> None:
        tops = (self.user, self.safe)
        for name in [name for name in sys.modules if name.split(".")[0] in tops]:
            del sys.modules[name]


def node_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A test's node: on the search path, and the working directory."""
    root = tmp_path / "node"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.chdir(root)
    made = Node(root)
    yield made
    made.forget()
