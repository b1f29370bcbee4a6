"""`LazyDiscoveryDict`: lists what is there without importing it, and imports one member when it is used."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import weakref
from collections.abc import Hashable, ItemsView, Iterator, KeysView, ValuesView
from typing import TYPE_CHECKING, Any, cast

from ..._errors import warn
from ..._imports import drop_doubtful_bytecode
from . import _profile
from .exceptions import DuplicateRegistryKeyError, IncompleteRegistryError, MemberImportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ._finder import Finder
    from ._link import Entry
    from .core import RegistryConfig

logger = logging.getLogger("metaclass_registry.core")

_MISSING: Any = object()

#: How long a thread waits for another one that discovers the same, in seconds, before it does so itself: if that one
#: waits for a lock which this one holds, both would wait for ever.
_PATIENCE = 30.0


#: All registries, by identity: they have no hash.
_everyone: weakref.WeakValueDictionary[int, LazyDiscoveryDict] = weakref.WeakValueDictionary()


class _Keys(KeysView[Any]):
    """Keys, with nothing imported."""


class _Values(ValuesView[Any]):
    """Members, imported one after the other."""

    _mapping: LazyDiscoveryDict

    def __len__(self) -> int:
        # `list` and `tuple` ask for it, and what is wrong they are told by iterating.
        return len(self._mapping._names(tells=False))

    def __iter__(self) -> Iterator[Any]:
        return (value for _, value in self._mapping._pairs())

    def __contains__(self, value: object) -> bool:
        return any(one is value or one == value for one in self)


class _Items(ItemsView[Any, Any]):
    """Keys and members, likewise."""

    _mapping: LazyDiscoveryDict

    def __len__(self) -> int:
        return len(self._mapping._names(tells=False))

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self._mapping._pairs()


class LazyDiscoveryDict(dict[Any, Any]):
    """Members of a registry by key.

    Where the keys can be told from source (see the package's documentation), `list`, `len`, `in` and `keys` import
    nothing, `registry[key]` imports the one module that defines it, `values` and `items` import one after the other;
    files that were added, removed or edited change the next answer. Elsewhere the whole package is imported at the
    first question, as the original does.

    `enable_cache`: answer from what is kept of the files. Without it, or with `OPENHCS_DISABLE_REGISTRY_CACHE` set,
    members are always discovered by importing. Default: yes.
    """

    def __init__(self, enable_cache: bool = True) -> None:
        super().__init__()
        self._enable_cache = enable_cache
        self._base_class: type | None = None
        self._config: RegistryConfig | None = None
        self._discovered = False
        self._discovery_package: str | None = None
        self._reset()

    def _reset(self) -> None:
        self._reset_threads(set())
        _everyone[id(self)] = self
        self._finder: Finder | None = None
        self._has_finder = False
        #: Why only importing can tell the keys; None while source can.
        self._doubt: str | None = None
        self._imported_state: str | None = None
        self._failure: BaseException | None = None
        self._told_failures: set[str] = set()
        #: Members that were taken out before they were imported.
        self._removed: set[tuple[str, str]] = set()

    def _reset_threads(self, busy: set[int]) -> None:
        """Forgets what other threads do: none of them is there after a fork."""
        #: Held for moments: never while modules are imported, files are read, or foreign code runs.
        self._lock = threading.Lock()
        #: Discovery by importing that is under way: set at its end.
        self._running: threading.Event | None = None
        #: Threads that discover by importing.
        self._busy = busy

    def _set_config(self, base_class: type, config: RegistryConfig) -> None:
        """Says whose registry this is: called once, when its root is made."""
        self._base_class = base_class
        self._config = config
        self._discovery_package = config.discovery_package

    # ---- what source tells ---------------------------------------------------------------------------------------

    def _pending(self) -> dict[Hashable, Entry] | None:
        """Keys whose members are not imported; None: only importing can tell."""
        finder = self._find()
        if finder is None:
            return None
        from ._link import Doubt

        try:
            found = finder.entries()
        except Doubt as doubt:
            if str(doubt) != self._doubt:
                logger.debug("%s is discovered by importing: %s", self._discovery_package, doubt)
            self._doubt = str(doubt)
            return None
        pending: dict[Hashable, Entry] = {}
        for key, entry in found.items():
            if tuple(entry) in self._removed:
                continue
            held = dict.get(self, key, _MISSING)
            if held is _MISSING:
                pending[key] = entry
            elif not _is_of(held, entry):
                self._doubt = f"{key!r} is registered, and {entry.module}:{entry.qualname} has it, too"
                return None
        self._doubt = self._failure = None
        self._discovered = True
        return pending

    def _find(self) -> Finder | None:
        if not self._enable_cache or _profile.is_disabled():
            return None
        if not self._has_finder:
            self._finder = self._make_finder()
            self._has_finder = True
        return self._finder

    def _make_finder(self) -> Finder | None:
        config, root = self._config, self._base_class
        if config is None or root is None or not config.discovery_package:
            return None
        extractor = config.key_extractor
        if config.discovery_function is not None:
            self._doubt = "it has a discovery function of its own"
            return None
        if extractor is not None and not getattr(extractor, "_is_of_the_name_alone", False):
            self._doubt = "its keys are extracted by a function"
            return None
        from ._finder import Finder
        from ._link import Rules
        from .core import AutoRegisterMeta

        profile = _profile.current()
        rules = Rules(
            config.key_attribute,
            extractor,
            config.skip_if_no_key,
            leaves_out=not profile.reports_failures,
            derives_own=profile.derives_own_keys,
        )
        # A copy of a registry has members that belong to another one.
        owner = getattr(root, "__registry__", self)
        return Finder(root, owner, config.discovery_package, config.discovery_recursive, rules, AutoRegisterMeta)

    def why_imported(self) -> str | None:
        """Why only importing can tell the keys; None if source can, or if there is nothing to discover."""
        if not self._has_scope():
            return None
        if not self._enable_cache or _profile.is_disabled():
            return "answering from what is kept is switched off"
        return self._doubt if self._pending() is None else None

    # ---- discovery by importing ----------------------------------------------------------------------------------

    def _has_scope(self) -> bool:
        return self._config is not None and bool(self._config.discovery_package)

    def _discover(self) -> None:
        """Imports all members. Raises what the profile raises for those that cannot be imported."""
        if not self._has_scope():
            return
        pending = self._pending()
        if pending is None:
            self._import_all()
            self._complain()
            return
        failure = None
        for entry in pending.values():
            try:
                self._load(entry)
            except Exception as error:
                failure = failure or error
        if failure is not None and _profile.current().reports_failures:
            raise failure

    def _import_all(self) -> None:
        """Discovers by importing, unless that is done and no file has changed since."""
        me = threading.get_ident()
        if me in self._busy:
            # A module that is imported right now reads the registry: it sees what there is.
            return
        state = self._finder.state() if self._finder is not None else None
        with self._lock:
            running = self._running
            if running is None:
                if self._discovered and self._failure is None and state == self._imported_state:
                    return
                running = self._running = threading.Event()
                leads = True
            else:
                leads = False
        # In the middle of an import, the leader may wait for this thread: to wait for the leader would be for ever.
        if not leads and not _is_importing() and running.wait(_PATIENCE):
            return
        self._busy.add(me)
        try:
            self._run(leads)
            if leads:
                self._imported_state = state
        finally:
            self._busy.discard(me)
            if leads:
                with self._lock:
                    self._running = None
                running.set()

    def _run(self, leads: bool) -> None:
        failure = None
        try:
            self._import_scope()
        except Exception as error:
            failure = error
        if leads:
            self._discovered, self._failure = failure is None, failure
        owner = getattr(self._base_class, "__registry__", self)
        if owner is not self and isinstance(owner, dict):
            for key, member in list(dict.items(owner)):
                if (member.__module__, member.__qualname__) not in self._removed:
                    dict.setdefault(self, key, member)

    def _import_scope(self, module_filter: Callable[[str], bool] | None = None) -> None:
        from . import core

        config = cast("RegistryConfig", self._config)
        package = cast("str", config.discovery_package)
        importlib.invalidate_caches()
        module = core.import_module_preserving_root_logging(package)
        path: Iterable[str] | None = getattr(module, "__path__", None)
        if path is None:
            return
        base, prefix = cast("type", self._base_class), f"{package}."
        if module_filter is not None:
            core.discover_registry_classes(path, prefix, base, module_filter=module_filter)
        elif config.discovery_function is not None:
            config.discovery_function(path, prefix, base)
        elif config.discovery_recursive:
            core.discover_registry_classes_recursive(path, prefix, base)
        else:
            core.discover_registry_classes(path, prefix, base)

    def discover_matching(self, module_filter: Callable[[str], bool]) -> None:
        """Imports the modules of the package whose names the filter takes, and no others.

        Flat discovery only: `ValueError` otherwise. What cannot be imported is raised.
        """
        if not self._has_scope():
            return
        config = cast("RegistryConfig", self._config)
        if config.discovery_recursive or config.discovery_function is not None:
            raise ValueError("modules can be selected in flat discovery only, without a discovery function")
        self._import_scope(module_filter)

    def _complain(self, *, is_whole: bool = True) -> None:
        """Tells of what could not be imported: raises it where all members were asked for, else warns once."""
        failure = self._failure
        if failure is None or not _profile.current().reports_failures:
            if failure is not None and not _profile.current().reports_failures:
                logger.warning("discovery of %s failed: %s", self._discovery_package, failure)
            return
        if is_whole or isinstance(failure, DuplicateRegistryKeyError):
            raise failure
        text = f"{self._name()}: some of {self._discovery_package} cannot be imported, and what it defines is not "
        text += f"listed: {type(failure).__name__}: {failure}"
        if text not in self._told_failures:
            self._told_failures.add(text)
            warn(text)

    def _name(self) -> str:
        return self._config.registry_name if self._config is not None else "registry"

    def _load(self, entry: Entry) -> Any:
        """Imports one member."""
        from ._link import is_loaded
        from .discovery import import_patiently

        if entry.module not in sys.modules:
            importlib.invalidate_caches()
            drop_doubtful_bytecode(self._file_of(entry.module))
        try:
            found: Any = import_patiently(entry.module)
        except Exception as error:
            raise MemberImportError(
                f"{self._name()} {entry.qualname} is in {entry.module}, which cannot be imported: "
                f"{type(error).__name__}: {error}",
                name=entry.module,
            ) from error
        for part in entry.qualname.split("."):
            found = getattr(found, part, _MISSING)
            if found is _MISSING:
                state = "" if is_loaded(entry.module) else " yet, as another thread is importing it"
                raise MemberImportError(f"{entry.module} has no {entry.qualname}{state}", name=entry.module)
        return found

    @staticmethod
    def _file_of(module: str) -> str:
        above, _, last = module.rpartition(".")
        for place in getattr(sys.modules.get(above), "__path__", ()):
            file = os.path.join(place, f"{last}.py")
            if os.path.exists(file):
                return file
        return ""

    # ---- as a mapping --------------------------------------------------------------------------------------------

    def _look(self, key: Any) -> Any:
        """The member of a key; `_MISSING` if there is none."""
        held = dict.get(self, key, _MISSING)
        if not self._has_scope():
            return held
        if held is not _MISSING and self._discovered and self._failure is None:
            return held
        pending = self._pending()
        if pending is None:
            self._import_all()
            held = dict.get(self, key, _MISSING)
            if held is _MISSING and self._failure is not None and _profile.current().reports_failures:
                raise IncompleteRegistryError(
                    f"{self._name()} has no {key!r}, but not everything could be imported: {self._failure}"
                ) from self._failure
            return held
        # Another thread may have imported it since.
        held = dict.get(self, key, _MISSING)
        if held is not _MISSING:
            return held
        entry = pending.get(key)
        return _MISSING if entry is None else self._member(key, entry)

    def _member(self, key: Any, entry: Entry) -> Any:
        found = self._load(entry)
        held = dict.get(self, key, _MISSING)
        if held is _MISSING:
            # A copy of the registry, or one whose module was imported before and taken out.
            dict.__setitem__(self, key, found)
            held = found
        return held

    def _names(self, *, tells: bool = True) -> list[Any]:
        """All keys. `tells`: of what could not be imported, too."""
        if self._has_scope():
            pending = self._pending()
            if pending is not None:
                return [*dict.keys(self), *(key for key in pending if not dict.__contains__(self, key))]
            self._import_all()
            if tells:
                self._complain(is_whole=False)
        return list(dict.keys(self))

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """All keys and members; what cannot be imported is told when all others were."""
        pending = self._pending() if self._has_scope() else {}
        if pending is None:
            self._import_all()
            pending = {}
        failure = None if not self._has_scope() else self._failure
        known = list(dict.items(self))
        yield from known
        seen = {key for key, _ in known}
        for key, entry in pending.items():
            if key in seen:
                continue
            try:
                member = self._member(key, entry)
            except Exception as error:
                logger.warning("%s", error)
                failure = failure or error
                continue
            yield key, member
        if failure is not None and _profile.current().reports_failures:
            raise failure

    def __getitem__(self, key: Any) -> Any:
        found = self._look(key)
        if found is _MISSING:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        if dict.__contains__(self, key) or not self._has_scope():
            return dict.__contains__(self, key)
        return key in self._names()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._names())

    def __reversed__(self) -> Iterator[Any]:
        return iter(self._names()[::-1])

    def __len__(self) -> int:
        return len(self._names())

    def keys(self) -> Any:
        return _Keys(self)

    def values(self) -> Any:
        return _Values(self)

    def items(self) -> Any:
        return _Items(self)

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            found = self._look(key)
        except (MemberImportError, IncompleteRegistryError) as error:
            if _profile.current().reports_failures and isinstance(error, MemberImportError):
                raise
            self._complain(is_whole=False)
            return default
        return default if found is _MISSING else found

    def __delitem__(self, key: Any) -> None:
        self.pop(key)

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        found = self._look(key)
        if found is _MISSING:
            if default is _MISSING:
                raise KeyError(key)
            return default
        self._forget(found)
        dict.pop(self, key, None)
        return found

    def popitem(self) -> tuple[Any, Any]:
        names = self._names()
        if not names:
            raise KeyError("popitem(): the registry is empty")
        return names[-1], self.pop(names[-1])

    def clear(self) -> None:
        if self._has_scope():
            self._removed |= {(entry.module, entry.qualname) for entry in (self._pending() or {}).values()}
        for found in list(dict.values(self)):
            self._forget(found)
        dict.clear(self)

    def _forget(self, found: Any) -> None:
        self._removed.add((getattr(found, "__module__", ""), getattr(found, "__qualname__", "")))

    def setdefault(self, key: Any, default: Any = None) -> Any:
        found = self._look(key)
        if found is _MISSING:
            self[key] = found = default
        return found

    def copy(self) -> dict[Any, Any]:
        return {key: member for key, member in self._pairs()}

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, dict):
            return NotImplemented
        return set(self) == set(other) and dict(self._pairs()) == dict(other.items())

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __or__(self, other: Any) -> Any:
        return self.copy() | dict(other.items()) if isinstance(other, dict) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return dict(other.items()) | self.copy() if isinstance(other, dict) else NotImplemented

    def __repr__(self) -> str:
        shown = [f"{key!r}: {value!r}" for key, value in list(dict.items(self))]
        for key, entry in ((self._pending() if self._has_scope() else None) or {}).items():
            shown.append(f"{key!r}: <not imported: {entry.module}.{entry.qualname}>")
        return f"{{{', '.join(shown)}}}"

    # ---- pickles and copies --------------------------------------------------------------------------------------

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _rebuilt, (self._enable_cache,), (dict(self._pairs()), self._base_class, self._discovered)

    def __setstate__(self, state: Any) -> None:
        items, base, discovered = state
        self._base_class = base
        registry = getattr(base, "__registry__", None)
        config = registry._config if isinstance(registry, LazyDiscoveryDict) else None
        if config is not None:
            self._set_config(cast("type", base), config)
        self._discovered = discovered
        dict.update(self, items)


def _rebuilt(enable_cache: bool) -> LazyDiscoveryDict:
    return LazyDiscoveryDict(enable_cache)


def _forget_threads() -> None:
    from .discovery import forget_threads

    forget_threads()
    for registry in list(_everyone.values()):
        registry._reset_threads({threading.get_ident()} & registry._busy)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def _is_of(held: Any, entry: Entry) -> bool:
    return (getattr(held, "__module__", None), getattr(held, "__qualname__", None)) == tuple(entry)


def _is_importing() -> bool:
    """Whether this thread is in the middle of an import."""
    frame = sys._getframe(1) if hasattr(sys, "_getframe") else None
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False
