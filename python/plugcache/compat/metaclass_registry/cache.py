"""The cache file of a registry, as the original reads and writes it: for callers that keep items of their own in one.

`${XDG_CACHE_HOME:-~/.cache}/metaclass-registry/<name>.json` holds `cache_version`, `version`, `timestamp`,
`file_mtimes` if they were given, and the items: `item_entries`, a list of `{"key": …, "item": …}` whose keys have their types, or (as
profile 0.1 writes) `items`, an object by text. Both are read in either profile.

A file is written beside and renamed, so that no reader sees half of one. One that cannot be understood, whatever is
wrong with it, is no cache: it is removed and made anew. Registries themselves do not use these files.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from enum import Enum, EnumMeta
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from ..._errors import warn
from . import _home, _profile
from .exceptions import DiscoveryError

logger = logging.getLogger("metaclass_registry.cache")

T = TypeVar("T")

_DAY = 24 * 3600.0


def get_cache_file_path(cache_name: str, *, create: bool = True) -> Path:
    """Where the cache file of that name is; its directory is made, unless `create` is false.

    A directory that cannot be made is no error here: what is saved there later is not kept.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    directory = (Path(chosen) if chosen else Path(_home.get_home_dir()) / ".cache") / "metaclass-registry"
    if create:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            logger.debug("cannot make %s: %s", directory, error)
    return directory / cache_name


class CacheKeyCodec:
    """Keys as JSON, and back: text, numbers, `None`, bytes, members of enumerations, tuples of these."""

    PRIMITIVE_KIND = "primitive"
    ENUM_KIND = "enum"
    TUPLE_KIND = "tuple"
    #: Not in the original, which drops such items.
    BYTES_KIND = "bytes"

    @classmethod
    def encode(cls, key: Any) -> dict[str, Any]:
        """A key's form in the file; `TypeError` for a key that has none."""
        # Before text and numbers: a member may be one of these as well, and is to come back as itself.
        if isinstance(key, Enum):
            kind = type(key)
            return {
                "kind": cls.ENUM_KIND,
                "module": kind.__module__,
                "class_name": kind.__qualname__,
                "member_name": key.name,
            }
        if key is None or type(key) in (str, int, float, bool):
            return {"kind": cls.PRIMITIVE_KIND, "value": key}
        if type(key) is bytes:
            return {"kind": cls.BYTES_KIND, "value": key.hex()}
        if type(key) is tuple:
            return {"kind": cls.TUPLE_KIND, "items": [cls.encode(item) for item in key]}
        raise TypeError(f"a key of type {type(key).__qualname__} has no form in a cache file: {key!r}")

    @classmethod
    def decode(cls, payload: dict[str, Any]) -> Hashable:
        """The key of such a form; `ValueError` if it is none, and whatever importing an enumeration raises."""
        kind = payload["kind"]
        decoder = CACHE_KEY_DECODERS.get(kind) if isinstance(kind, str) else None
        if decoder is None:
            raise ValueError(f"no key is of the kind {kind!r}")
        return decoder(payload)


def _primitive(payload: dict[str, Any]) -> Hashable:
    value = payload["value"]
    if value is not None and type(value) not in (str, int, float, bool):
        raise TypeError(f"{value!r} cannot be a key")
    return cast("Hashable", value)


def _member(payload: dict[str, Any]) -> Hashable:
    found: Any = importlib.import_module(payload["module"])
    for part in str(payload["class_name"]).split("."):
        found = getattr(found, part)
    if not isinstance(found, EnumMeta):
        raise TypeError(f"{payload['module']}.{payload['class_name']} is no enumeration")
    return found[payload["member_name"]]


def _tuple(payload: dict[str, Any]) -> Hashable:
    return tuple(CacheKeyCodec.decode(item) for item in payload["items"])


CACHE_KEY_DECODERS: dict[str, Callable[[dict[str, Any]], Hashable]] = {
    CacheKeyCodec.PRIMITIVE_KIND: _primitive,
    CacheKeyCodec.ENUM_KIND: _member,
    CacheKeyCodec.TUPLE_KIND: _tuple,
    CacheKeyCodec.BYTES_KIND: lambda payload: bytes.fromhex(payload["value"]),
}


@dataclass
class CacheConfig:
    """When a cache file counts.

    - `max_age_days`: how old it may be. Default: 7.
    - `check_mtimes`: whether times of files that were saved with it must be what they were. Default: no.
    - `cache_version`: the version of the items' form. Default: `"1.0"`.
    """

    max_age_days: int = 7
    check_mtimes: bool = False
    cache_version: str = "1.0"


class RegistryCacheManager(Generic[T]):
    """One cache file.

    - `cache_name`: the file's name without `.json`.
    - `version_getter`: the version of what the items are made from.
    - `serializer`, `deserializer`: an item as JSON, and back.
    - `config`: when the file counts. Default: `CacheConfig()`.
    - `file_mtimes_getter`: the files that the items are made from, now, each with its time in seconds: files that were
      added or removed count as changes, too. Default: the files that were saved with the items are looked at.
    """

    def __init__(
        self,
        cache_name: str,
        version_getter: Callable[[], str],
        serializer: Callable[[T], dict[str, Any]],
        deserializer: Callable[[dict[str, Any]], T],
        config: CacheConfig | None = None,
        file_mtimes_getter: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        self.cache_name = cache_name
        self.version_getter = version_getter
        self.serializer = serializer
        self.deserializer = deserializer
        self.config = config or CacheConfig()
        self.file_mtimes_getter = file_mtimes_getter
        self._cache_path = get_cache_file_path(f"{cache_name}.json")

    def load_cache(self) -> dict[Hashable, T] | None:
        """The items, or None if there are none that count. Never an error, whatever is in the file."""
        if _profile.is_disabled():
            return None
        try:
            content = self._cache_path.read_bytes()
        except OSError:
            return None
        try:
            told = json.loads(content)
            if not isinstance(told, dict):
                raise TypeError(f"an object is expected, and it holds a {type(told).__name__}")
            entries = _entries(told)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            logger.warning("the cache %s is damaged and made anew: %s", self._cache_path, error)
            self._remove_if(content)
            return None
        reason = self._why_not(told)
        if reason is not None:
            logger.debug("the cache %s does not count: %s", self._cache_path, reason)
            return None
        items: dict[Hashable, T] = {}
        for key, item in entries:
            try:
                items[CacheKeyCodec.decode(key) if isinstance(key, dict) else key] = self.deserializer(item)
            except Exception as error:
                logger.warning("the cache %s does not count: %r: %s", self._cache_path, key, error)
                return None
        return items

    def _why_not(self, told: dict[str, Any]) -> str | None:
        if told.get("cache_version") != self.config.cache_version:
            return f"its form is {told.get('cache_version')!r}, not {self.config.cache_version!r}"
        version = self.version_getter()
        if told.get("version", "unknown") != version:
            return f"it was made from {told.get('version')!r}, and now there is {version!r}"
        stamp = told.get("timestamp", 0)
        if isinstance(stamp, bool) or not isinstance(stamp, (int, float)):
            return "it has no time"
        age = time.time() - stamp
        # Between the making of a stamp and the reading of it, clocks are corrected by a little.
        if not -60 < age <= self.config.max_age_days * _DAY:
            return "it is from the future" if age < 0 else f"it is {age / _DAY:.1f} days old"
        if self.config.check_mtimes and "file_mtimes" in told:
            getter = self.file_mtimes_getter
            current = getter() if getter is not None else None
            if not self._validate_mtimes(told["file_mtimes"], current_mtimes=current):
                return "files that it was made from have changed"
        return None

    def save_cache(self, items: Mapping[Any, T], file_mtimes: dict[str, float] | None = None) -> None:
        """Replaces the file. Items that cannot be serialised are left out; a file that cannot be written is not, with
        one warning."""
        if _profile.is_disabled():
            return
        is_typed = _profile.current().has_typed_keys
        told: dict[str, Any] = {
            "cache_version": self.config.cache_version,
            "version": self.version_getter(),
            "timestamp": time.time(),
        }
        if file_mtimes:
            told["file_mtimes"] = dict(file_mtimes)
        entries = []
        # A copy: another thread may register while this one serialises.
        for key, item in list(items.items()):
            try:
                entry = {"key": CacheKeyCodec.encode(key), "item": self.serializer(item)}
                json.dumps(entry)
            except Exception as error:
                logger.warning("%r is left out of the cache %s: %s", key, self._cache_path, error)
                continue
            entries.append(entry)
        if is_typed or any(type(key) is not str for key in items):
            told["item_entries"] = entries
        if not is_typed:
            told["items"] = {entry["key"]["value"]: entry["item"] for entry in entries if _is_text(entry["key"])}
        try:
            _replace(self._cache_path, json.dumps(told, indent=2))
        except (OSError, ValueError, TypeError) as error:
            warn(f"the cache {self._cache_path} cannot be kept: {error}; nothing else is wrong")

    def clear_cache(self) -> None:
        """Removes the file, if it is there."""
        self._cache_path.unlink(missing_ok=True)

    def _remove_if(self, content: bytes) -> None:
        """Removes the file if it still holds that: what somebody else has written meanwhile is good."""
        try:
            if self._cache_path.read_bytes() == content:
                self._cache_path.unlink(missing_ok=True)
        except OSError:
            pass

    def _validate_mtimes(
        self, cached_mtimes: dict[str, float], *, current_mtimes: dict[str, float] | None = None
    ) -> bool:
        """Whether files have exactly the times that were saved, and are the same as in `current_mtimes`, if given."""
        if not isinstance(cached_mtimes, dict):
            return False
        if current_mtimes is not None:
            return current_mtimes == cached_mtimes
        for file, saved in cached_mtimes.items():
            try:
                if os.stat(file).st_mtime != saved:
                    return False
            except (OSError, ValueError):
                return False
        return True


def _entries(told: dict[str, Any]) -> list[tuple[Any, Any]]:
    entries = told.get("item_entries")
    if entries is not None:
        if not isinstance(entries, list):
            raise TypeError("item_entries is expected to be a list")
        pairs = [(entry["key"], entry["item"]) for entry in entries]
        if not all(isinstance(key, dict) for key, _ in pairs):
            raise TypeError("a key in item_entries is expected to be an object")
        return pairs
    items = told.get("items", {})
    if not isinstance(items, dict):
        raise TypeError("items is expected to be an object")
    return list(items.items())


def _is_text(key: dict[str, Any]) -> bool:
    return key["kind"] == CacheKeyCodec.PRIMITIVE_KIND and isinstance(key["value"], str)


def _replace(path: Path, text: str) -> None:
    """Writes a file beside and renames it; nothing is left behind if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}.tmp")
    try:
        with open(beside, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def serialize_plugin_class(plugin_class: type) -> dict[str, Any]:
    """Where a class is: `module`, `class_name`, `qualname`."""
    return {
        "module": plugin_class.__module__,
        "class_name": plugin_class.__name__,
        "qualname": plugin_class.__qualname__,
    }


def deserialize_plugin_class(data: dict[str, Any]) -> type:
    """The class at such a place: its module is imported.

    `ImportError`, `AttributeError` (no such name, or a class of a function's own), `TypeError` (no class).
    """
    module: Any = importlib.import_module(data["module"])
    # Files of profile 0.1 have no qualified names.
    qualname = data.get("qualname") or data["class_name"]
    found: Any = module
    if "<locals>" in qualname:
        # Made by a function, but it may have been put into the module since.
        found = getattr(module, data["class_name"], None)
        if getattr(found, "__qualname__", None) != qualname:
            raise AttributeError(f"{qualname} is made when a function runs: it cannot be found again")
    else:
        for part in qualname.split("."):
            found = getattr(found, part)
    if not isinstance(found, type):
        raise TypeError(f"{data['module']}.{qualname} is no class")
    return found


def get_package_file_mtimes(package_path: str, *, recursive: bool = True) -> dict[str, float]:
    """Source files of a package or module, which is imported, each with the time of its last change in seconds.

    `recursive`: those of packages inside, too. A package that is not there: `ModuleNotFoundError` in profile 0.4,
    nothing in 0.1.
    """
    try:
        module = importlib.import_module(package_path)
    except ImportError:
        if _profile.current().reports_failures:
            raise
        return {}
    spec = module.__spec__
    if spec is None:
        raise DiscoveryError(f"{package_path} has no module specification: it is no module that was imported")
    if spec.submodule_search_locations is None:
        files = [Path(spec.origin)] if spec.has_location and spec.origin else []
    else:
        places = [Path(place) for place in spec.submodule_search_locations]
        files = [file for place in places for file in (place.rglob("*.py") if recursive else place.glob("*.py"))]
    found = {}
    for file in files:
        try:
            found[str(file)] = file.stat().st_mtime
        except OSError:
            # It was removed since its directory was listed.
            continue
    return found
