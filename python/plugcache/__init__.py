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

PYTEST_DONT_REWRITE: a program that is started with its entry points accelerated has this package before pytest comes.
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

# `typing` takes longer to import than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._cached import CacheInfo, CachedFunction, cached
    from ._config import Config
    from ._entry_points import entry_points
    from ._enums import cached_enum
    from ._functions import Functions
    from ._instances import Handle, Instances
    from ._manifests import ManifestCache
    from ._plugcache import Judged, Record, __version__
    from ._registry import Problem, Registry
    from ._resolver import Resolved, Resolver
    from ._safety import SafetyPolicy, judge
    from ._signature import Parameter, Signature, signature
    from ._store import Store
    from ._watch import Change, Watch, watch

__all__ = [
    "AmbiguousPluginError",
    "CacheError",
    "CacheInfo",
    "Change",
    "Config",
    "ConfigError",
    "Error",
    "Functions",
    "Handle",
    "InstanceConfigError",
    "InstanceError",
    "InstanceStartError",
    "Instances",
    "Judged",
    "ManifestCache",
    "Parameter",
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
    "Signature",
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
    "signature",
    "stats",
    "watch",
]


#: Where everything is: loaded when it is first asked for, so that a program pays for what it uses.
_PLACES = {
    "CacheInfo": "_cached",
    "Change": "_watch",
    "Config": "_config",
    "Functions": "_functions",
    "Handle": "_instances",
    "Instances": "_instances",
    "Judged": "_plugcache",
    "ManifestCache": "_manifests",
    "Parameter": "_signature",
    "Problem": "_registry",
    "Record": "_plugcache",
    "Registry": "_registry",
    "Resolved": "_resolver",
    "Resolver": "_resolver",
    "SafetyPolicy": "_safety",
    "Signature": "_signature",
    "Store": "_store",
    "Watch": "_watch",
    "__version__": "_plugcache",
    "cached": "_cached",
    "cached_enum": "_enums",
    "entry_points": "_entry_points",
    "judge": "_safety",
    "signature": "_signature",
    "watch": "_watch",
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


def explain(what: Registry[Any] | Resolver | CachedFunction[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """Why a name of a registry or resolver, or a call of a cached function, is answered from what is kept, or not."""
    tell: Callable[..., str] | None = getattr(what, "cache_explain", None) or getattr(what, "explain", None)
    if tell is None:
        raise ConfigError(f"explain expects a Registry, a Resolver or a cached function, got {what!r}")
    return tell(*args, **kwargs)


def _remove_temporary() -> None:
    native = sys.modules.get(f"{__name__}._plugcache")
    if native is not None:
        native.remove_temporary()


atexit.register(_remove_temporary)
del atexit
