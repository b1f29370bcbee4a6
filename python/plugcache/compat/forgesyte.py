"""The manifest cache of ForgeSyte: its classes and calls, over one cache of plugcache.

    from plugcache.compat import forgesyte

    forgesyte.install()
    from app.services.manifest_cache_service import manifest_cache_service

    manifest_cache_service.get("ocr", load_manifest)

What differs from the original, each time for a fault that it had:

- Different plugins load side by side, one plugin is loaded once however many threads ask, and no lock is held while a
  loader runs. A loader that asks for its own plugin gets a `ReentrantError`.
- What a caller does to a manifest changes nobody else's.
- Ages are taken from a clock that nobody sets. Most manifests: 10,000; those not asked for go first.
- `clear("")` forgets the plugin with the empty id; only `clear()` forgets all.
- There is one service for the process, `manifest_cache_service`: one for each request never hits.

What is the same: a loader's `None`, `{}` and anything else that is false is handed out and not kept, since its callers
mean "not found" by it, and a manifest that has just been written is found at the next call; `plugcache.ManifestCache`
keeps such values. Exceptions go to whoever asked, and are not kept. `stats()` counts entries that have expired and
nobody has asked for since.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from .._manifests import in_memory
from ._replace import Replacement

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

__all__ = [
    "MODULE",
    "ManifestCacheEntry",
    "ManifestCacheService",
    "get_manifest_cache_service",
    "install",
    "manifest_cache_service",
    "uninstall",
]

logger = logging.getLogger(__name__)

#: Where the program looks for it.
MODULE = "app.services.manifest_cache_service"

#: Most manifests of one service.
CAPACITY = 10_000


class ManifestCacheEntry:
    """A manifest and when it was made.

    - `manifest`: the manifest.
    - `ttl_seconds`: how long it lives, in seconds. Default: 300.
    """

    def __init__(self, manifest: dict[str, Any], ttl_seconds: int = 300) -> None:
        self.manifest = manifest
        self.ttl_seconds = ttl_seconds
        self._created_at = time.time()
        self._began = time.monotonic()

    @property
    def created_at(self) -> float:
        """When it was made, by the clock on the wall, in seconds since 1970. Setting it makes it that old."""
        return self._created_at

    @created_at.setter
    def created_at(self, seconds: float) -> None:
        self._began = time.monotonic() - (time.time() - seconds)
        self._created_at = seconds

    def is_expired(self) -> bool:
        """Whether it has lived longer than it may."""
        return self._age() > self.ttl_seconds

    def _age(self) -> float:
        return time.monotonic() - self._began

    def __repr__(self) -> str:
        return f"CacheEntry(age={self._age():.1f}s, ttl={self.ttl_seconds}s)"


class _NotKept(Exception):
    """Carries what is handed out to all who wait for it, and not kept."""

    def __init__(self, value: Any) -> None:
        super().__init__("not kept")
        self.value = value


class ManifestCacheService:
    """Manifests by plugin id, in memory.

    - `ttl_seconds`: how long a manifest lives, in seconds; with 0 or less none is kept. Default: 300.
    """

    def __init__(self, ttl_seconds: int = 300) -> None:
        self.ttl_seconds = ttl_seconds
        logger.info("manifest cache: entries live for %s s", ttl_seconds)

    @property
    def ttl_seconds(self) -> int:
        """How long a manifest lives, in seconds. Setting it forgets what is there."""
        return self._ttl_seconds

    @ttl_seconds.setter
    def ttl_seconds(self, seconds: int) -> None:
        self._ttl_seconds = seconds
        # At most some hundred years, which no process lives.
        ttl = float(min(seconds, 1e10)) if seconds > 0 else 1.0
        self._cached = in_memory("forgesyte-manifests", ttl, CAPACITY)

    def get(
        self, plugin_id: str, loader_func: Callable[[str], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """The manifest of a plugin: a copy of the one that is kept, or of what `loader_func` makes of the id."""
        if self._ttl_seconds <= 0:
            return loader_func(plugin_id)

        def load(plugin_id: str) -> dict[str, Any]:
            logger.debug("manifest cache: loading %r", plugin_id)
            manifest = loader_func(plugin_id)
            if not manifest:
                raise _NotKept(manifest)
            return manifest

        try:
            manifest: dict[str, Any] = self._cached._load_with((plugin_id,), load)
        except _NotKept as nothing:
            value: dict[str, Any] | None = nothing.value
            # One object goes to all who waited: each gets its own, whatever it is.
            return value.copy() if isinstance(value, (dict, list, set)) else value
        return manifest

    def clear(self, plugin_id: str | None = None) -> None:
        """Forgets the manifest of one plugin, as when it is reloaded; without an id, all of them."""
        if plugin_id is None:
            count = self._cached._stats()["entries"]
            self._cached.cache_clear()
            logger.info("manifest cache: forgot all %d entries", count)
        elif self._cached._remove((plugin_id,), {}):
            logger.info("manifest cache: forgot %r", plugin_id)

    def stats(self) -> dict[str, Any]:
        """How many manifests there are, how many of them have expired, and how long one lives in seconds."""
        told = self._cached._stats()
        return {
            "total_entries": told["entries"],
            "expired_entries": told["expired"],
            "ttl_seconds": self._ttl_seconds,
        }

    def __repr__(self) -> str:
        return f"ManifestCacheService(entries={self.stats()['total_entries']}, ttl={self._ttl_seconds}s)"


#: The service of this process.
manifest_cache_service = ManifestCacheService()


def get_manifest_cache_service() -> ManifestCacheService:
    """The service of this process, for whoever injects dependencies: the same at each request."""
    return manifest_cache_service


def _fill(module: ModuleType) -> None:
    module.__doc__ = __doc__
    for name in ("ManifestCacheEntry", "ManifestCacheService", "get_manifest_cache_service"):
        setattr(module, name, globals()[name])
    vars(module).update(manifest_cache_service=manifest_cache_service, logger=logger, time=time)


_replacement = Replacement(made={MODULE: _fill})


def install() -> None:
    """Puts it at `app.services.manifest_cache_service`, whether a package `app` is there or not, and whether it has
    been imported or not. Whoever has imported the original's names before keeps them. A second time changes nothing."""
    _replacement.install()


def uninstall() -> None:
    """Takes it away again: what was there before is back."""
    _replacement.uninstall()
