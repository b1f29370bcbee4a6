"""The cache engine for programs that have plugins.

    import plugcache as pc

    handlers = pc.Registry("microscopes", package="openhcs.microscopes", base="MicroscopeHandler")
    list(handlers)              # names: nothing is imported
    handlers["imagexpress"]     # imports that one module

    pc.entry_points(group="console_scripts")   # what importlib.metadata answers, from an index

    @pc.cached(ttl=300, inputs=["colors.toml"])
    def colormaps() -> list[str]: ...

Caches are kept in `$PLUGCACHE_DIR`, or the user's cache directory; plugins' own data in `$PLUGCACHE_DATA_DIR`, or the
user's data directory.
"""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING, Any

from . import _plugcache
from ._cached import CacheInfo, cached
from ._errors import (
    AmbiguousPluginError,
    CacheError,
    ConfigError,
    Error,
    PlugcacheWarning,
    PluginImportError,
    ReentrantError,
    StaleDataError,
    StoreError,
    UnknownPluginError,
)
from ._manifests import ManifestCache
from ._plugcache import Record, __version__
from ._registry import Problem, Registry
from ._store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._cached import CachedFunction
    from ._entry_points import entry_points
    from ._functions import Functions
    from ._signature import Parameter, Signature, signature

__all__ = [
    "AmbiguousPluginError",
    "CacheError",
    "CacheInfo",
    "ConfigError",
    "Error",
    "Functions",
    "ManifestCache",
    "Parameter",
    "PlugcacheWarning",
    "PluginImportError",
    "Problem",
    "Record",
    "ReentrantError",
    "Registry",
    "Signature",
    "StaleDataError",
    "Store",
    "StoreError",
    "UnknownPluginError",
    "__version__",
    "cached",
    "clear",
    "configure",
    "directories",
    "entry_points",
    "explain",
    "signature",
    "stats",
]


#: What is imported when it is first asked for, and from where.
_LATER = {
    "Functions": "._functions",
    "Parameter": "._signature",
    "Signature": "._signature",
    "entry_points": "._entry_points",
    "signature": "._signature",
}


def __getattr__(name: str) -> Any:
    # `importlib.metadata` takes longer to import than all of this package; the others are not for everyone.
    if name in _LATER:
        import importlib

        found = getattr(importlib.import_module(_LATER[name], __name__), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def configure(
    *,
    directory: str | os.PathLike[str] | None = None,
    data_directory: str | os.PathLike[str] | None = None,
) -> None:
    """Chooses where caches and plugins' own data are kept, before what the environment says; the environment is read
    again. Caches that are in use go on in the new place, with nothing in memory."""
    _plugcache.configure(
        None if directory is None else os.fspath(directory),
        None if data_directory is None else os.fspath(data_directory),
    )


def directories() -> tuple[str | None, str | None]:
    """Where caches are kept (`None`: in memory only), and where plugins' own data is."""
    caches, data = _plugcache.directories()
    return (None if caches is None else os.fspath(caches), None if data is None else os.fspath(data))


def stats() -> dict[str, dict[str, Any]]:
    """What each cache has done in this process, by name."""
    return _plugcache.stats()


def clear(name: str | None = None) -> int:
    """Clears one cache, or all of them, in memory and on disk; plugins' own data stays. Returns how many entries went."""
    return _plugcache.clear(name)


def explain(what: Registry[Any] | CachedFunction[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """Why a name of a registry, or a call of a cached function, would be answered from what is kept, or not."""
    if isinstance(what, Registry):
        return what.explain(*args, **kwargs)
    tell: Callable[..., str] | None = getattr(what, "cache_explain", None)
    if tell is None:
        raise ConfigError(f"explain expects a Registry or a cached function, got {what!r}")
    return tell(*args, **kwargs)


atexit.register(_plugcache.remove_temporary)
del atexit
