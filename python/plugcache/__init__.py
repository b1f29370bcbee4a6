"""The cache engine for programs that have plugins.

    import plugcache as pc

    handlers = pc.Registry("microscopes", package="openhcs.microscopes", base="MicroscopeHandler")
    list(handlers)              # names: nothing is imported
    handlers["imagexpress"]     # imports that one module

    pc.entry_points(group="console_scripts")   # what importlib.metadata answers, from an index

    @pc.cached(ttl=300, inputs=["colors.toml"], env=["CI"])
    def colormaps() -> list[str]: ...

    Colormap = pc.cached_enum("Colormap", colormaps)

    resolver = pc.Resolver(["plugins"], package="openhcs.microscopes", suffix="Plugin")
    resolver.load("mine")       # a user's, judged before any of it runs; edits are seen

    cameras = pc.Instances("cameras", start=Camera)     # one for a key, reconfigured, rolled back, stopped
    with pc.watch(handlers) as changes: ...             # added, changed, removed

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
    InstanceConfigError,
    InstanceError,
    InstanceStartError,
    PlugcacheWarning,
    PluginImportError,
    ReentrantError,
    RejectedPluginError,
    StaleDataError,
    StoreError,
    UnknownPluginError,
    ValidationError,
)
from ._manifests import ManifestCache
from ._plugcache import Record, __version__
from ._registry import Problem, Registry
from ._store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._cached import CachedFunction
    from ._entry_points import entry_points
    from ._config import Config
    from ._enums import cached_enum
    from ._instances import Handle, Instances
    from ._plugcache import Judged
    from ._resolver import Resolved, Resolver
    from ._safety import SafetyPolicy, judge
    from ._watch import Change, Watch, watch

__all__ = [
    "AmbiguousPluginError",
    "CacheError",
    "CacheInfo",
    "Change",
    "Config",
    "ConfigError",
    "Error",
    "Handle",
    "InstanceConfigError",
    "InstanceError",
    "InstanceStartError",
    "Instances",
    "Judged",
    "ManifestCache",
    "PlugcacheWarning",
    "PluginImportError",
    "Problem",
    "Record",
    "ReentrantError",
    "Registry",
    "RejectedPluginError",
    "Resolved",
    "Resolver",
    "SafetyPolicy",
    "StaleDataError",
    "Store",
    "StoreError",
    "UnknownPluginError",
    "ValidationError",
    "Watch",
    "__version__",
    "cached",
    "cached_enum",
    "clear",
    "configure",
    "directories",
    "entry_points",
    "explain",
    "judge",
    "stats",
    "watch",
]


#: What not everyone needs: imported when it is first asked for.
_LAZY = {
    "Change": "_watch",
    "Handle": "_instances",
    "Watch": "_watch",
    "Config": "_config",
    "Instances": "_instances",
    "Judged": "_plugcache",
    "Resolved": "_resolver",
    "Resolver": "_resolver",
    "SafetyPolicy": "_safety",
    "cached_enum": "_enums",
    "entry_points": "_entry_points",
    "judge": "_safety",
    "watch": "_watch",
}


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
    """Clears one cache, or all, in memory and on disk; plugins' own data stays. Returns how many entries went."""
    return _plugcache.clear(name)


def explain(what: Registry[Any] | Resolver | CachedFunction[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """Why a name of a registry or resolver, or a call of a cached function, is answered from what is kept, or not."""
    tell: Callable[..., str] | None = getattr(what, "cache_explain", None) or getattr(what, "explain", None)
    if tell is None:
        raise ConfigError(f"explain expects a Registry, a Resolver or a cached function, got {what!r}")
    return tell(*args, **kwargs)


atexit.register(_plugcache.remove_temporary)
del atexit
