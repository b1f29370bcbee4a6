"""`entry_points`: what `importlib.metadata.entry_points` answers, from an index."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import sys
from typing import TYPE_CHECKING, Any, cast

from . import _plugcache

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints


def entry_points(**params: Any) -> EntryPoints:
    """Entry points of all installed distributions, or those that match: `group=`, `name=` and others.

    The answer is that of `importlib.metadata.entry_points` of the running Python: the same objects in the same order,
    with their distribution. It comes from an index that is proven by a look at every directory of `sys.path` and
    every file that tells of entry points. Where only `importlib.metadata` can answer (a zip file on the path, a
    finder of distributions other than Python's own), it is asked.

    A broken entry in one distribution, for which `importlib.metadata` raises and so loses those of all, is left out.
    """
    path = _search_path()
    if path is None:
        return cast("EntryPoints", importlib.metadata.entry_points(**params))
    group, name = params.get("group"), params.get("name")
    files, found = _plugcache.entry_points(
        path,
        group if isinstance(group, str) else None,
        name if isinstance(name, str) else None,
    )
    distributions = [
        importlib.metadata.PathDistribution(pathlib.Path(file).parent) for file in files
    ]
    points = [
        _of(importlib.metadata.EntryPoint(name=name, value=value, group=group), distributions[number])
        for group, name, value, number in found
    ]
    # Up to Python 3.11, the answer is by group, and a mapping as well if nothing is selected.
    grouped = getattr(importlib.metadata, "SelectableGroups", None)
    if grouped is not None:
        return cast("EntryPoints", grouped.load(points).select(**params))
    return importlib.metadata.EntryPoints(points).select(**params)


def _of(point: Any, distribution: importlib.metadata.Distribution) -> Any:
    return point._for(distribution)


def _search_path() -> list[str] | None:
    """The directories that Python looks into; None: it looks into more than directories."""
    for finder in sys.meta_path:
        if hasattr(finder, "find_distributions") and getattr(finder, "__name__", "") != "PathFinder":
            return None
    path = [os.path.abspath(entry) for entry in sys.path]
    if any(os.path.isfile(entry) for entry in path):
        return None
    return path
