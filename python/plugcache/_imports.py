"""Importing the one module that defines a plugin: what `Registry` and `Resolver` share."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from ._errors import PluginImportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._plugcache import Record


def load(record: Record, roots: Sequence[str] | None = None) -> Any:
    """The plugin of a record. Its module is imported, and no other, as Python imports: from the search path, or from
    one of these roots."""
    return attribute(_import(record, roots), record)


def attribute(module: Any, record: Record) -> Any:
    """What a record tells of, in its module."""
    found = module
    for part in record.qualname.split(".") if record.qualname else ():
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise PluginImportError(
                f"plugin {record.name!r}: {record.module} has no {record.qualname} once it is imported, although "
                f"{record.file}:{record.line} defines it: it was imported before it was edited, or takes the name "
                "away again",
                name=record.module,
                path=record.file,
            ) from error
    return found


def failed(record: Record, error: BaseException) -> PluginImportError:
    """What is raised when a plugin's module could not be imported."""
    return PluginImportError(
        f"plugin {record.name!r} cannot be imported: {record.module} ({record.file}:{record.line}) "
        f"raised {type(error).__name__}: {error}",
        name=record.module,
        path=record.file,
    )


def _import(record: Record, roots: Sequence[str] | None) -> Any:
    # What is in there may be half imported by another thread: importing waits for it.
    if record.module not in sys.modules:
        # A file that has just appeared is not in the listings that import machinery keeps.
        importlib.invalidate_caches()
        drop_doubtful_bytecode(record.file)
    try:
        module = importlib.import_module(record.module) if roots is None else _import_from(roots, record.module)
    except Exception as error:
        raise failed(record, error) from error
    loaded_from = getattr(module, "__file__", None) or ""
    if not is_same_file(loaded_from, record.file):
        raise PluginImportError(
            f"plugin {record.name!r} is in {record.file}, but {record.module} was imported from "
            f"{loaded_from or 'elsewhere'}: two modules have one name, rename one of them",
            name=record.module,
            path=record.file,
        )
    return module


#: How many imports need each root that was not on the search path.
_needed: dict[str, int] = {}
_lock = threading.Lock()


def _import_from(roots: Sequence[str], module: str) -> Any:
    """Imports a module that is below one of the roots, which need not be on the search path."""
    with _lock:
        missing = [root for root in roots if root in _needed or root not in sys.path]
        for root in reversed(missing):
            _needed[root] = _needed.get(root, 0) + 1
            if _needed[root] == 1:
                sys.path.insert(0, root)
    try:
        return importlib.import_module(module)
    finally:
        with _lock:
            for root in missing:
                _needed[root] -= 1
                if _needed[root] == 0:
                    del _needed[root]
                    if root in sys.path:
                        sys.path.remove(root)


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file that is there, or are one path."""
    if one == other:
        return True
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


#: How long a clock tick of a file system may be, in nanoseconds.
_TICK = 12_000_000


def drop_doubtful_bytecode(file: str) -> None:
    """Removes compiled code that may be of another source than the one that is there.

    Python tells by size and second of the last change. A source that was changed after it was compiled, with the same
    size and in the same second or with its time set back, is imported as it was; only the time of the last change of
    its entry, which nobody can set, shows it.
    """
    try:
        compiled = importlib.util.cache_from_source(file)
        is_doubtful = os.stat(file).st_ctime_ns > os.stat(compiled).st_mtime_ns - _TICK
        if is_doubtful and "site-packages" not in file.split(os.sep):
            os.unlink(compiled)
    except (OSError, NotImplementedError):
        # There is none, or it cannot be removed: then Python's own rule has to do.
        pass
