"""Members of a family, found without importing any: the index proves the files, `_survey` reads them once for each
state of them, `_link` compares with what is loaded."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from ..._cached import cached
from ..._errors import Error
from ..._plugcache import Index, digest
from ..._registry import plain_index, roots_of
from ._link import Doubt, Entry, Linker, Rules, is_loaded, settings_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from ._survey import Source


class _Reading(threading.local):
    """What the running thread reads: too much to be a part of a key."""

    index: Index
    roots: tuple[str, ...]


_reading = _Reading()


class _Changed(Exception):  # noqa: N818
    """A file is not what the index saw a moment ago."""


@cached(name="metaclass-registry", version="3")
def _survey_of(
    state: str,
    root: str,
    package: str,
    recursive: bool,
    registries: tuple[str, ...],
    members: tuple[tuple[str, str, tuple[str, ...]], ...],
) -> dict[str, Any]:
    # Understanding source takes modules that a hit does without.
    from ._survey import Question, survey

    tops = {root.partition(":")[0].partition(".")[0], package.partition(".")[0]}
    sources = _sources(state, tops)
    return survey(Question(root, package, recursive, registries), sources, list(members))


class Finder:
    """Where one registry's members are."""

    def __init__(self, root: type, registry: Any, package: str, recursive: bool, rules: Rules, metaclass: type) -> None:
        self.root = root
        self.registry = registry
        self.package = package
        self.recursive = recursive
        self.rules = rules
        self.metaclass = metaclass
        self._index: Index | None = None
        self._seen: tuple[Any, ...] = ()
        self._state: str | None = None
        self._told: dict[str, Any] | None = None

    def state(self) -> str | None:
        """A digest of all files that have a part in it, proven now; None: they cannot be told."""
        try:
            return self._open().state()
        except (Error, OSError):
            return None

    def entries(self) -> dict[Hashable, Entry]:
        """Keys of what is not imported yet. `Doubt`: only importing can tell."""
        self._refuse()
        for _ in range(3):
            try:
                told = self._survey()
            except _Changed:
                continue
            except (Error, OSError, UnicodeError) as error:
                raise Doubt(str(error)) from error
            self._check_places(told.get("packages", ()))
            return Linker(told, self.root, self.registry, self.rules, self.metaclass).entries()
        raise Doubt("files keep changing while they are read")

    def _refuse(self) -> None:
        root = self.root
        if "<locals>" in root.__qualname__ or root.__module__ == "__main__":
            raise Doubt(f"{root.__qualname__} is made by running code")
        if type(root) is not self.metaclass:
            raise Doubt(f"{root.__qualname__} has a metaclass of its own")
        hooks = settings_of(root)
        if hooks:
            raise Doubt(f"classes are changed by {hooks[0]}")

    def _check_places(self, packages: Iterable[str]) -> None:
        """Refuses packages of which modules may come from where the index does not look."""
        roots = _roots(self.root.__module__, self.package)
        parts = self.package.split(".")
        around = [".".join(parts[:length]) for length in range(1, len(parts))]
        for name in dict.fromkeys([*around, self.package, *packages]):
            relative = name.replace(".", os.sep)
            places = [place for place in (os.path.join(root, relative) for root in roots) if os.path.isdir(place)]
            if name == self.package and not places:
                if not any(os.path.isfile(os.path.join(root, f"{relative}.py")) for root in roots):
                    raise Doubt(f"{name} is not in a directory")
                return
            if name == self.package and len(places) > 1:
                raise Doubt(f"{name} is in more than one directory")
            loaded = sys.modules.get(name)
            paths = getattr(loaded, "__path__", None)
            if loaded is not None and (paths is None or [os.path.abspath(path) for path in paths] != places):
                raise Doubt(f"{name} has a __path__ of its own")
            if name not in around:
                for place in places:
                    _check_directory(name, place, self.recursive)
        if self.recursive:
            for name, module in list(sys.modules.items()):
                if name.startswith(f"{self.package}.") and hasattr(module, "__path__") and name not in packages:
                    raise Doubt(f"{name} became a package")

    def _survey(self) -> dict[str, Any]:
        index = self._open()
        state = index.state()
        if state == self._state and self._told is not None:
            return self._told
        records = index.records()
        members = tuple(sorted((record.module, record.qualname, tuple(record.bases)) for record in records))
        if len({member[:2] for member in members}) != len(members):
            raise Doubt("a class is found in two places")
        module = self.root.__module__
        names = _names_of(module, self.registry)
        asked = (state, f"{module}:{self.root.__qualname__}", self.package, self.recursive, names, members)
        roots = _roots(module, self.package)
        _reading.index, _reading.roots = index, roots
        told: dict[str, Any] = _survey_of(*asked)
        self._state, self._told = state, told
        return told

    def _open(self) -> Index:
        module = self.root.__module__
        roots = _roots(module, self.package)
        tops = sorted({module.partition(".")[0], self.package.partition(".")[0]})
        if self._index is None or self._seen != (roots, tops):
            self._seen = (roots, tops)
            rule = f"base={module}:{self.root.__qualname__}"
            self._index = plain_index(roots, tops, [rule], recursive=True)
        return self._index


def _roots(*modules: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(root for module in modules for root in roots_of(module)))


def _names_of(module: str, registry: Any) -> tuple[str, ...]:
    found = vars(sys.modules[module]) if module in sys.modules else {}
    return tuple(sorted(name for name, value in found.items() if value is registry))


def _check_directory(package: str, place: str, recursive: bool) -> None:
    """Refuses modules without source that importing would find."""
    from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES

    try:
        names = set(os.listdir(place))
    except OSError as error:
        raise Doubt(str(error)) from error
    compiled = (*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)
    for name in names:
        stem = name.partition(".")[0]
        if name.endswith(compiled):
            # Byte code is taken where there is no source; extension modules are taken first.
            is_taken = not name.endswith(tuple(BYTECODE_SUFFIXES)) or f"{stem}.py" not in names
            if is_taken and not is_loaded(f"{package}.{stem}"):
                raise Doubt(f"{package}.{stem} has no source")
        elif "." not in name and (recursive or f"{name}.py" in names):
            starts = [f"__init__{suffix}" for suffix in (".py", *compiled)]
            inside = [start for start in starts if os.path.exists(os.path.join(place, name, start))]
            if inside and (f"{name}.py" in names or inside[0] != "__init__.py"):
                raise Doubt(f"{package}.{name} has no source, or two")


def _sources(state: str, tops: set[str]) -> dict[str, Source]:
    """Files of the topmost packages by module, each as the index saw it."""
    from ._survey import Source

    found: dict[str, Source] = {}
    index, roots = _reading.index, _reading.roots
    for file, mark in index.files():
        name, is_package = _module_of(file, roots)
        if name.partition(".")[0] in tops and name not in found:
            with open(file, "rb") as opened:
                content = opened.read()
            if digest(content) != mark:
                raise _Changed(file)
            found[name] = Source(file, is_package, _decoded(content))
    if index.state() != state:
        raise _Changed(state)
    return found


def _decoded(content: bytes) -> str:
    import io
    import tokenize

    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except (SyntaxError, UnicodeDecodeError, LookupError):
        # No Python reads this either: a doubt about this file, and no other.
        return "this is no python ="


def _module_of(file: str, roots: tuple[str, ...]) -> tuple[str, bool]:
    for root in roots:
        start = root.rstrip(os.sep) + os.sep
        if file.startswith(start) and file.endswith(".py"):
            parts = file[len(start) : -3].split(os.sep)
            is_package = parts[-1] == "__init__"
            return ".".join(parts[:-1] if is_package else parts), is_package
    return "", False
