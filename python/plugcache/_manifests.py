"""`ManifestCache`: what hosts read of their plugins again and again."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from ._cached import cache_name, seconds
from ._plugcache import Cached

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

T = TypeVar("T")
_numbers = itertools.count(2)
_taken: set[str] = set()


class ManifestCache:
    """Manifests by plugin id, kept in memory for a while.

    Different ids load side by side, one id is loaded once however many threads ask, and a hit waits for nobody. What a
    loader raises is not kept. `None`, `{}` and `0` are manifests. What a caller does to one changes nobody else's.

    - `ttl`: how long a manifest lives, in seconds. Default: 300.
    - `maxsize`: most manifests; `None`: no bound. Default: 10,000.
    """

    def __init__(
        self, ttl: float | timedelta = 300.0, *, maxsize: int | None = 10_000, name: str = "manifests"
    ) -> None:
        self.ttl = seconds(ttl)
        # Figures are by name: a second one of this process has its own.
        plain = cache_name(name)
        if plain in _taken:
            plain = cache_name(f"{name}-{next(_numbers)}")
        _taken.add(plain)
        self._cached = in_memory(plain, self.ttl, maxsize)

    def get(self, plugin_id: str, loader: Callable[[str], T]) -> T:
        """The manifest of a plugin: the one that is kept, or what `loader` makes of the id."""
        value: T = self._cached._load_with((plugin_id,), loader)
        return value

    def clear(self, plugin_id: str | None = None) -> None:
        """Forgets the manifest of one plugin, as when it is reloaded, or all of them."""
        if plugin_id is None:
            self._cached.cache_clear()
        else:
            self._cached._remove((plugin_id,), {})

    def stats(self) -> dict[str, Any]:
        """How many manifests there are (`total_entries`), how many of them have expired and nobody has asked for since
        (`expired_entries`), their `ttl_seconds`, and what was counted."""
        told = self._cached._stats()
        shape = {"total_entries": told["entries"], "expired_entries": told["expired"], "ttl_seconds": self.ttl}
        return {**shape, **told}


def in_memory(name: str, ttl: float | None, maxsize: int | None) -> Cached:
    """A cache whose loader comes with each call, in memory only."""
    return Cached(
        _no_loader,
        {
            "name": name,
            "ttl": ttl,
            "maxsize": maxsize,
            "codec": None,
            "inputs": [],
            "version": "",
            "scope": [],
            "wait": 300.0,
            "shared": False,
            "once_per_host": False,
        },
    )


def _no_loader(plugin_id: str) -> Any:
    raise LookupError(plugin_id)
