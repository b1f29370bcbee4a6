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
import sys

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

# `typing` takes longer to import than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._cached import CachedFunction, CacheInfo, cached
    from ._entry_points import entry_points
    from ._manifests import ManifestCache
    from ._plugcache import Judged, Record, __version__
    from ._registry import Problem, Registry
    from ._safety import SafetyPolicy, judge
    from ._store import Store

__all__ = [
    "AmbiguousPluginError",
    "CacheError",
    "CacheInfo",
    "ConfigError",
    "Error",
    "ManifestCache",
    "PlugcacheWarning",
    "PluginImportError",
    "Problem",
    "Record",
    "ReentrantError",
    "Registry",
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
    "stats",
]


#: Where everything is: loaded when it is first asked for, so that a program pays for what it uses.
_PLACES = {
    "CacheInfo": "_cached",
    "Judged": "_plugcache",
    "ManifestCache": "_manifests",
    "Problem": "_registry",
    "Record": "_plugcache",
    "Registry": "_registry",
    "SafetyPolicy": "_safety",
    "Store": "_store",
    "__version__": "_plugcache",
    "cached": "_cached",
    "entry_points": "_entry_points",
    "judge": "_safety",
}


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(__import__(f"{__name__}.{place}", fromlist=[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


#: What was chosen last, before what the environment says.
_chosen: tuple[str | None, str | None] = (None, None)


def configure(
    *,
    directory: str | os.PathLike[str] | None = None,
    data_directory: str | os.PathLike[str] | None = None,
) -> None:
    """Chooses where caches and plugins' own data are kept, before what the environment says; the environment is read
    again. Caches that are in use go on in the new place, with nothing in memory."""
    global _chosen
    from . import _plugcache

    chosen = (
        None if directory is None else os.fspath(directory),
        None if data_directory is None else os.fspath(data_directory),
    )
    _plugcache.configure(*chosen)
    _chosen = chosen


def directories() -> tuple[str | None, str | None]:
    """Where caches are kept (`None`: in memory only), and where plugins' own data is."""
    from . import _plugcache

    caches, data = _plugcache.directories()
    return (None if caches is None else os.fspath(caches), None if data is None else os.fspath(data))


def stats() -> dict[str, dict[str, Any]]:
    """What each cache has done in this process, by name."""
    from . import _plugcache

    return _plugcache.stats()


def clear(name: str | None = None) -> int:
    """Clears one cache, or all of them, in memory and on disk; plugins' own data stays. Returns how many entries went."""
    from . import _plugcache

    return _plugcache.clear(name)


def explain(what: Registry[Any] | CachedFunction[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """Why a name of a registry, or a call of a cached function, would be answered from what is kept, or not."""
    from ._registry import Registry

    if isinstance(what, Registry):
        return what.explain(*args, **kwargs)
    tell: Callable[..., str] | None = getattr(what, "cache_explain", None)
    if tell is None:
        raise ConfigError(f"explain expects a Registry or a cached function, got {what!r}")
    return tell(*args, **kwargs)


def _remove_temporary() -> None:
    native = sys.modules.get(f"{__name__}._plugcache")
    if native is not None:
        native.remove_temporary()


atexit.register(_remove_temporary)
del atexit
