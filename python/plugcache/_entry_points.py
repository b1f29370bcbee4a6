"""`entry_points`: what `importlib.metadata.entry_points` answers, from an index.

The index says what the files say; the objects are made here, of the classes that Python's own answer would have. They
are new at each call, as Python's are: what a caller does to them changes nothing for others.
"""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any, cast

from ._plugcache import EntryPointIndex

_PathFinder: Any = sys.modules["_frozen_importlib_external"].PathFinder

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoints
    from types import ModuleType

    from ._plugcache import EntryPointAnswer

    #: Name, value, group, number of the distribution.
    Row = tuple[str, str, str, int]

_A_PATH = pathlib.Path()
#: How many search paths are remembered: programs have one, and change it a few times as they start.
_REMEMBERED = 8


def entry_points(**params: Any) -> EntryPoints:
    """Entry points of all installed distributions, or those that match: `group=`, `name=` and others.

    The answer is that of `importlib.metadata.entry_points` of the running Python: the same objects in the same order,
    with their distribution. It comes from an index that is proven by a look at every directory of `sys.path` and
    every file that tells of entry points. Where only `importlib.metadata` can answer (a zip file on the path, a
    finder of distributions other than Python's own), it is asked.

    A broken entry in one distribution, for which `importlib.metadata` raises and so loses those of all, is left out.
    """
    known = current()
    if known is None:
        return cast("EntryPoints", importlib.metadata.entry_points(**params))
    return cast("EntryPoints", known.select(importlib.metadata, params))


class Answer:
    """What is true of one search path now, and the objects that can be made of it."""

    def __init__(self, native: EntryPointAnswer, path: tuple[str, ...]) -> None:
        self.native = native
        self.path = path
        #: The module whose finder finds distributions, and whose objects they are.
        self.provider: Any = importlib.metadata
        #: Rows of one group; of all groups for `None`.
        self._rows: dict[str | None, list[Row]] = {}
        self._by_group: list[Row] | None = None
        #: Name of each group, where it begins and where it ends among those.
        self._groups: list[tuple[str, int, int]] = []
        self._directories: list[tuple[int, str]] | None = None
        self._paths: dict[int, pathlib.Path] = {}

    def select(self, metadata: ModuleType, params: dict[str, Any]) -> Any:
        """As `entry_points` of that module does: `importlib.metadata`, or the package that it comes from."""
        group = params.get("group")
        if type(group) is not str:
            group = None
        # Up to Python 3.11, the answer is by group, and a mapping as well if nothing is selected.
        grouped = getattr(metadata, "SelectableGroups", None)
        if grouped is not None and group is None:
            points, whole = self.points(self._sorted()), metadata.EntryPoints
            return grouped((name, whole(points[start:end])) for name, start, end in self._groups).select(**params)
        found = metadata.EntryPoints(self.points(self.rows(group)))
        if group is not None and len(params) == 1:
            return found
        return found.select(**params)

    def rows(self, group: str | None) -> list[Row]:
        """What there is in a group, or in all."""
        rows = self._rows.get(group)
        if rows is None:
            rows = self._rows[group] = self.native.points(group)
        return rows

    def _sorted(self) -> list[Row]:
        """All rows by group; within one as they stand."""
        if self._by_group is None:
            self._by_group = sorted(self.rows(None), key=lambda row: row[2])
            starts = [at for at, row in enumerate(self._by_group) if not at or row[2] != self._by_group[at - 1][2]]
            ends = [*starts[1:], len(self._by_group)]
            names = [self._by_group[start][2] for start in starts]
            self._groups = list(zip(names, starts, ends, strict=True))
        return self._by_group

    def points(self, rows: list[Row]) -> list[Any]:
        """New entry points, one distribution for all of the same."""
        provider = self.provider
        distributions: dict[int, Any] = {}
        make, update = _maker(provider)
        found = []
        for name, value, group, number in rows:
            distribution = distributions.get(number)
            if distribution is None:
                distribution = distributions[number] = provider.PathDistribution(self._at(number))
            if update is None:
                found.append(make(name=name, value=value, group=group)._for(distribution))
            else:
                point = make(update)
                held = point.__dict__
                held["name"] = name
                held["value"] = value
                held["group"] = group
                held["dist"] = distribution
                found.append(point)
        return found

    def _at(self, number: int) -> pathlib.Path:
        path = self._paths.get(number)
        if path is None:
            if self._directories is None:
                self._directories = self.native.distributions()
            root, entry = self._directories[number]
            # As Python spells it: below the entry of the search path, relative if that is.
            path = self._paths[number] = pathlib.Path(self.path[root], entry)
        return path


    def for_stevedore(self) -> dict[str, Any]:
        """What stevedore's cache keeps: points by group, each once."""
        groups: dict[str, dict[tuple[str, str, str], None]] = {}
        for name, value, group, _ in self.rows(None):
            groups.setdefault(group, {})[name, value, group] = None
        return {
            "groups": {group: list(points) for group, points in groups.items()},
            "sys.executable": sys.executable,
            "sys.prefix": sys.prefix,
            "path_values": [],
        }


def _maker(provider: Any) -> tuple[Callable[..., Any], Any]:
    """How to make an entry point of that module: of Python's own, which have had nothing but these four attributes
    since 3.11, in half the time."""
    if provider is importlib.metadata and (3, 11) <= sys.version_info < (3, 14):
        return object.__new__, provider.EntryPoint
    return provider.EntryPoint, None


#: What was proven last for a search path, and in which directory that was if that matters.
_answers: dict[tuple[tuple[str, ...], str | None], tuple[EntryPointIndex, Answer | None]] = {}


def current(strength: str | None = None) -> Answer | None:
    """What is true of `sys.path` now; `None` if only Python can tell."""
    provider = _provider()
    if provider is None:
        return None
    path = tuple(sys.path)
    key: tuple[tuple[str, ...], str | None] = (path, None)
    known = _answers.get(key)
    if known is None:
        try:
            if all(entry.startswith("/") for entry in path):
                absolute = path
            else:
                # What a relative entry means depends on where the program is.
                here = os.getcwd()
                key = (path, here)
                known = _answers.get(key)
                absolute = tuple(os.path.join(here, entry) for entry in path)
        except (AttributeError, TypeError, OSError):
            # An entry that is no text, or a directory that is gone.
            return None
        if known is None:
            if len(_answers) >= _REMEMBERED:
                _answers.clear()
            known = (EntryPointIndex(list(absolute)), None)
    index, answer = known
    native = index.prove(strength)
    if answer is None or answer.native is not native:
        answer = Answer(native, path)
        _answers[key] = (index, answer)
    answer.provider = provider
    return None if native.has_files() else answer


def current_for_others() -> Answer | None:
    """As `current`, for programs that do not know of us: nobody has told them that an answer may be an old one. So
    files are looked at even where a weaker strength is configured; a stronger one holds."""
    return current("full-or-more")


def _provider() -> ModuleType | None:
    """The module whose finder alone finds distributions, if that is Python's own or the package that it comes from."""
    found: ModuleType | None = None
    for finder in sys.meta_path:
        if getattr(finder, "find_distributions", None) is None:
            continue
        if found is not None:
            return None
        if finder is _PathFinder:
            found = importlib.metadata
        else:
            backport = sys.modules.get("importlib_metadata")
            if type(finder) is not getattr(backport, "MetadataPathFinder", None):
                return None
            found = backport
    return found


#: A program that asks fewer distributions, one after the other, need not have an index for that.
_FEW = 8
#: How many distributions were asked that are not answered from an index.
_asked = 0
#: What says which entry points each file has. It was true once; each file is looked at before it counts.
_latest: Answer | None = None


def points_of(metadata: ModuleType, distribution: Any) -> Any:
    """Entry points of one distribution, as new objects; `None` if its own file has to be read."""
    global _asked, _latest
    path = distribution._path
    if type(path) is not type(_A_PATH):
        return None
    answer = _latest
    if answer is None or answer.path != tuple(sys.path):
        _asked += 1
        if _asked < _FEW:
            return None
        answer = _latest = current("dirs")
        _asked = 0
        if answer is None:
            return None
    if answer.native.has_problems:
        return None
    rows = answer.native.points_at(str(path))
    if rows is None:
        _asked += 1
        if _asked >= _FEW:
            # Something was installed since, perhaps.
            _latest = None
        return None
    make, update = _maker(metadata)
    if update is None:
        return metadata.EntryPoints(
            [make(name=name, value=value, group=group)._for(distribution) for name, value, group, _ in rows]
        )
    found = []
    for name, value, group, _ in rows:
        point = make(update)
        point.__dict__.update(name=name, value=value, group=group, dist=distribution)
        found.append(point)
    return metadata.EntryPoints(found)
