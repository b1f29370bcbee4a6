"""Bounded caches of values in memory, and a family of them with one instance for each class and process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar, cast

from .core import AutoRegisterMeta, RegistryConfig, RegistryDict

K = TypeVar("K")
V = TypeVar("V")
C = TypeVar("C", bound="ProcessLocalBoundedCache[Any, Any]")


@dataclass(slots=True)
class BoundedCache(Generic[K, V]):
    """At most `max_entries` values; the one that was used longest ago goes first. Default: 4096. For one thread."""

    max_entries: int = 4096
    entries: OrderedDict[K, V] = field(default_factory=OrderedDict)

    def cached_value(self, key: K) -> V | None:
        """The value of a key, or None; it counts as used."""
        if key not in self.entries:
            return None
        self.entries.move_to_end(key)
        return self.entries[key]

    def store_value(self, key: K, value: V) -> V:
        """Keeps a value, and returns it."""
        self.entries[key] = value
        self.entries.move_to_end(key)
        while len(self.entries) > self.max_entries:
            self.entries.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forgets all values."""
        self.entries.clear()


@dataclass
class SynchronizedBoundedCache(BoundedCache[K, V]):
    """The same, for several threads."""

    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def cached_value(self, key: K) -> V | None:
        with self._lock:
            return super().cached_value(key)

    def store_value(self, key: K, value: V) -> V:
        with self._lock:
            return super().store_value(key, value)

    def clear(self) -> None:
        with self._lock:
            super().clear()


def _key_of(name: str, cls: type) -> str:
    return f"{cls.__module__}.{name}"


_FAMILY: RegistryDict = {}


@dataclass(slots=True)
class ProcessLocalBoundedCache(BoundedCache[K, V], metaclass=AutoRegisterMeta):
    """One instance for each class and process; classes are members of the family by deriving from it.

    Members are registered as `module.ClassName`. `clear_process_caches` empties all below a class.
    """

    __registry_config__: ClassVar[RegistryConfig] = RegistryConfig(
        registry_dict=_FAMILY,
        key_attribute="process_cache_key",
        key_extractor=_key_of,
        log_registration=False,
        registry_name="process-local cache",
    )
    __registry__: ClassVar[RegistryDict] = _FAMILY

    process_cache_key: ClassVar[str | None] = None
    _process_cache: ClassVar[Any] = None
    _process_cache_lock: ClassVar[Any] = threading.Lock()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # By name: with slots, the class that `super()` would mean is not the one that stays.
        super(ProcessLocalBoundedCache, cls).__init_subclass__(**kwargs)
        cls.process_cache_key = None
        cls._process_cache = None
        cls._process_cache_lock = threading.Lock()

    @classmethod
    def process_cache(cls: type[C]) -> C:
        """The class's instance in this process, made when it is first asked for."""
        if cls._process_cache is None:
            with cls._process_cache_lock:
                if cls._process_cache is None:
                    cls._process_cache = cls()
        return cast("C", cls._process_cache)

    @classmethod
    def clear_process_cache(cls) -> None:
        """Empties the class's instance; it stays the instance."""
        if cls._process_cache is not None:
            cls._process_cache.clear()

    @classmethod
    def clear_process_caches(cls) -> None:
        """Empties the instances of all members that derive from the class, itself included."""
        for member in list(cls.__registry__.values()):
            if issubclass(member, cls):
                member.clear_process_cache()


class IdentityBoundProcessCache(ProcessLocalBoundedCache[int, tuple[object, Any]]):
    """Values by the identity of an object, which is kept alive with its value: another one never gets it."""

    def get_bound(self, owner: object) -> Any | None:
        """The value of an object, or None."""
        found = self.cached_value(id(owner))
        if found is None:
            return None
        if found[0] is owner:
            return found[1]
        self.entries.pop(id(owner), None)
        return None

    def put_bound(self, owner: object, value: Any) -> Any:
        """Keeps a value for an object, and returns it."""
        self.store_value(id(owner), (owner, value))
        return value
