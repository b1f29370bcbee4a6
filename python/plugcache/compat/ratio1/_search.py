"""From locations and a name to the file of a plugin, without running anything.

The original walked every directory below its locations and asked the import system for a module in each, which imports
the packages above it: code of users ran before anybody had looked at it, and of two plugins of one name it took the one
that the hash seed put first. Here an index answers, which is proven at every question.

The order is the original's, made definite: the locations themselves as they are given, then the packages inside of
them, by location, those nearest first, then by name.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, ModuleSpec
from typing import TYPE_CHECKING, NamedTuple

from ..._plugcache import Index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Found(NamedTuple):
    """A plugin's module, which has not been imported for it."""

    module: str
    #: Its source, or compiled code that has none.
    file: str
    #: Other modules of its name that it hides, in search order.
    hidden: tuple[str, ...] = ()

    @property
    def is_package(self) -> bool:
        return os.path.basename(self.file).startswith("__init__.")

    @property
    def is_source(self) -> bool:
        return self.file.endswith(".py")


#: Indexes by where they look. Programs have a handful of locations; more than this are those of a test suite.
_indexes: dict[tuple[str, bool, str, tuple[str, ...], tuple[str, ...]], Index] = {}
_MOST = 128


def snake_case(name: str) -> str:
    """A plugin's name as a module's: `ViewScene` is `view_scene`, `VIEW_SCENE_01` is `view_scene_01`."""
    if name.isupper():
        return name.lower()
    parts = []
    for position, letter in enumerate(name):
        if position and "A" <= letter <= "Z":
            parts.append("_")
        parts.append(letter)
    return "".join(parts).lower().replace("__", "_")


def as_list(given: str | Iterable[str] | None) -> list[str]:
    """One or several, as callers may say."""
    if given is None:
        return []
    return [given] if isinstance(given, str) else list(given)


def find(locations: Sequence[str], name: str, packages: Sequence[str] = ()) -> Found | None:
    """The plugin of that name.

    - `locations`: dotted packages.
    - `name`: the module's own name.
    - `packages`: of these topmost packages, locations are looked through with all packages inside. So are those that
      are directories below the working directory. Of others only the modules directly in them count.
    """
    by_top: dict[str, list[str]] = {}
    for location in locations:
        by_top.setdefault(location.partition(".")[0], []).append(location)
    files: dict[str, str] = {}
    for top, below in by_top.items():
        index = _index(top, below)
        for record in index.find_all(name) if index is not None else ():
            files.setdefault(record.module, record.file)
    return _choose(locations, name, packages, files) if files else None


def find_other(locations: Sequence[str], name: str, packages: Sequence[str] = ()) -> Found | None:
    """The same for plugins that the index does not have: compiled code, source that is no Python (importing it tells
    what is wrong), and what only a finder of its own can find."""
    files: dict[str, str] = {}
    for location in locations:
        spec = spec_of(f"{location}.{name}")
        if spec is not None and spec.has_location and spec.origin:
            files.setdefault(spec.name, spec.origin)
        if not _is_deep(location, packages):
            continue
        above = spec_of(location)
        for place in _places(above) if above is not None else []:
            for module, file in _files_below(place, location, name):
                files.setdefault(module, file)
    return _choose(locations, name, packages, files) if files else None


def _choose(
    locations: Sequence[str], name: str, packages: Sequence[str], files: dict[str, str]
) -> Found | None:
    order = [f"{location}.{name}" for location in locations]
    for location in locations:
        if _is_deep(location, packages):
            inside = [module for module in files if module.startswith(f"{location}.")]
            order += sorted(inside, key=lambda module: (module.count("."), module))
    names = [module for module in dict.fromkeys(order) if module in files]
    return Found(names[0], files[names[0]], tuple(names[1:])) if names else None


def _is_deep(location: str, packages: Sequence[str]) -> bool:
    return location.partition(".")[0] in packages or os.path.isdir(location.replace(".", os.sep))


def _index(top: str, locations: list[str]) -> Index | None:
    """The index of what is in a topmost package; `None` if there is no such package."""
    loaded = getattr(sys.modules.get(top), "__path__", None)
    if loaded is None:
        # Wherever it may be imported from: most places do not have it.
        path = tuple(entry for entry in sys.path if os.path.isdir(os.path.join(entry, top)))
        if not path:
            return None
    else:
        path = tuple(loaded)
    key = (top, loaded is None, os.getcwd(), path, tuple(locations))
    index = _indexes.get(key)
    if index is None:
        index = Index(
            {
                "roots": _roots(top, path, is_package=loaded is not None),
                "packages": locations,
                "recursive": True,
                "rules": ["module"],
                "key": "stem",
                "private": True,
                "abstract": True,
                "suffix": "",
                "case": "exact",
                "duplicates": "first",
                "strength": None,
            }
        )
        while len(_indexes) >= _MOST:
            _indexes.pop(next(iter(_indexes)), None)
        _indexes[key] = index
    return index


def _roots(top: str, path: Sequence[str], *, is_package: bool) -> list[str]:
    """Directories to look for the topmost package in."""
    places = [os.path.abspath(place) for place in path]
    if is_package and all(os.path.basename(place) == top for place in places):
        return [os.path.dirname(place) for place in places]
    entries = map(os.path.abspath, sys.path) if is_package else places
    return [entry for entry in entries if not entry.endswith((".zip", ".egg"))]


# ---- the import system, asked without importing ----------------------------------------------------------------


def spec_of(name: str) -> ModuleSpec | None:
    """What the import system would find, without importing the packages above, as `importlib.util.find_spec` does."""
    path: list[str] | None = None
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        one = ".".join(parts[:end])
        loaded = sys.modules.get(one)
        if loaded is not None and end < len(parts):
            above = getattr(loaded, "__path__", None)
            if above is None:
                return None
            path = list(above)
            continue
        spec = _ask(one, path)
        if spec is None or end == len(parts):
            return spec
        path = _places(spec)
        if not path:
            return None
    return None


def _ask(name: str, path: list[str] | None) -> ModuleSpec | None:
    for finder in list(sys.meta_path):
        ask = getattr(finder, "find_spec", None)
        if ask is None:
            continue
        try:
            spec: ModuleSpec | None = ask(name, path)
        except KeyError:
            # A package without `__init__.py` inside of one that is not imported: Python asks for that one.
            own = name.rpartition(".")[2]
            inside = [os.path.join(place, own) for place in path or [] if os.path.isdir(os.path.join(place, own))]
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = inside
        except ImportError:
            continue
        if spec is not None:
            return spec
    return None


def _places(spec: ModuleSpec) -> list[str]:
    """Where the modules of a package are."""
    places = spec.submodule_search_locations
    return list(getattr(places, "_path", places) or ())


def _files_below(place: str, package: str, name: str) -> Iterator[tuple[str, str]]:
    suffixes = (*EXTENSION_SUFFIXES, ".py", *BYTECODE_SUFFIXES)
    for directory, below, files in os.walk(place):
        below[:] = sorted(one for one in below if one != "__pycache__" and "." not in one)
        inside = os.path.relpath(directory, place)
        above = package if inside == os.curdir else f"{package}.{inside.replace(os.sep, '.')}"
        own = os.path.join(directory, name)
        packages = [os.path.join(own, f"__init__{suffix}") for suffix in suffixes] if name in below else []
        modules = [f"{own}{suffix}" for suffix in suffixes if f"{name}{suffix}" in files]
        file = next((one for one in [*filter(os.path.isfile, packages), *modules]), None)
        if file is not None:
            yield f"{above}.{name}", file
