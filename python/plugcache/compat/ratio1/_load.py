"""Modules of plugins, one for each state of a file: all managers of a process share it, and so its classes.

The original deleted a module and imported it anew at every lookup, so that two managers had two classes of one name,
and an instance of one was none of the other.

Here a file is read, and its digest says whether what is loaded is what is there. What is loaded is handed to Python's
import system by a finder that knows only the modules that are being loaded at the moment: the import system has the
locks (and breaks their cycles), no lock of ours is held while a module's code runs. Threads that want one module at the
same time load it once, and share what it raises; whoever asks later tries again.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import time
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

from ..._errors import PluginImportError, ReentrantError
from ..._plugcache import digest as digest_of
from ..._imports import drop_doubtful_bytecode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    from ._judging import Parent
    from ._search import Found


class State:
    """A module as it was loaded from one content of its file."""

    def __init__(self, found: Found, digest: str, module: ModuleType, is_judged: bool) -> None:
        self.name, self.file = found.module, found.file
        self.digest = digest
        self.module = module
        #: Whether exactly these bytes were run, and no compiled code that may be of others.
        self.is_judged = is_judged
        self._classes: dict[str, str] | None = None
        self._config: Any = None
        #: Whether there is a configuration; and whether it is plain data, which is copied more quickly.
        self._has_config = self._is_plain = False

    def is_of(self, found: Found, digest: str, *, is_judged: bool) -> bool:
        """Whether it is what a file holds now."""
        same = self.name == found.module and self.file == found.file and self.digest == digest
        return same and (self.is_judged or not is_judged)

    def class_of(self, plugin: str, suffix: str) -> tuple[str, type] | None:
        """The class of a plugin, by its name without regard to case: of several the last by name, as the original
        has it, imported ones included."""
        if self._classes is None:
            import inspect

            members = inspect.getmembers(self.module, inspect.isclass)
            self._classes = {name.upper(): name for name, _ in members}
        name = self._classes.get((plugin.replace("_", "") + suffix.replace("_", "")).upper())
        return None if name is None else (name, getattr(self.module, name))

    def classes(self) -> list[str]:
        """Names of all classes of the module."""
        return sorted((self._classes or {}).values())

    def config(self) -> Any:
        """A copy of the module's `_CONFIG` as it was when it was first asked for, with the module's version."""
        import copy

        if not self._has_config:
            config = copy.deepcopy(getattr(self.module, "_CONFIG", {}))
            config["MODULE_VERSION"] = getattr(self.module, "__VER__", None) or "0.0.0"
            self._config, self._is_plain, self._has_config = config, _is_plain(config, set()), True
        return _copied(self._config) if self._is_plain else copy.deepcopy(self._config)


_ATOMS = frozenset((type(None), bool, int, float, complex, str, bytes))


def _is_plain(value: Any, seen: set[int]) -> bool:
    """Whether it is dictionaries and lists of what cannot change, each of them in one place."""
    kind = type(value)
    if kind in _ATOMS:
        return True
    if kind not in (dict, list) or id(value) in seen:
        return False
    seen.add(id(value))
    inside = value if kind is list else [*value, *value.values()]
    return len(seen) < 10_000 and all(_is_plain(one, seen) for one in inside)


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: one if type(one) in _ATOMS else _copied(one) for key, one in value.items()}
    if kind is list:
        return [one if type(one) in _ATOMS else _copied(one) for one in value]
    return value


class ChangedError(PluginImportError):
    """A file was changed while it was loaded."""


class _Attempt:
    """One loading of a module, and all threads that take part in it."""

    def __init__(self, found: Found, digest: str, parents: Mapping[str, Parent]) -> None:
        self.found = found
        self.digest = digest
        self.parents = parents
        #: Source that must be what runs; nothing if Python's own compiled code will do.
        self.exact: bytes | None = None
        self.is_judged = False
        self.before: ModuleType | None = None
        self.users = 0
        self.error: BaseException | None = None
        self.module: ModuleType | None = None


_lock = threading.Lock()
_states: dict[str, State] = {}
_attempts: dict[str, _Attempt] = {}


def _begin_anew() -> None:
    """In the child of a fork no other thread is loading anything."""
    global _lock
    _lock = threading.Lock()
    _attempts.clear()


os.register_at_fork(after_in_child=_begin_anew)


class _Loader(SourceFileLoader):
    """Runs the source that it is given, or what Python has compiled of the file."""

    def __init__(self, name: str, file: str, source: bytes | None, attempt: _Attempt | None) -> None:
        super().__init__(name, file)
        self._source = source
        self._attempt = attempt

    def get_code(self, fullname: str) -> CodeType | None:
        if self._source is None:
            return super().get_code(fullname)
        code: CodeType = self.source_to_code(self._source, self.path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return super().exec_module(module)
        if attempt.error is not None:
            # Another thread has tried it while this one waited.
            if isinstance(attempt.error, Exception):
                raise attempt.error
            raise PluginImportError(f"{module.__name__} raised {attempt.error!r}", name=module.__name__)
        try:
            super().exec_module(module)
        except BaseException as error:
            attempt.error = error
            raise
        finally:
            self._source = None
        attempt.module = module


class _Finder:
    """Finds the modules that are being loaded, and the packages above them that were judged."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        with _lock:
            attempt = _attempts.get(name)
            above = None if attempt is not None else _judged_parent(name)
        if attempt is not None:
            found = attempt.found
            if not found.is_source:
                return None
            return _spec(name, found.file, attempt.exact, attempt, is_package=found.is_package)
        if above is None:
            return None
        if above.file is not None:
            return _spec(name, above.file, above.source, None, is_package=True)
        spec = self._without_code(name, path)
        if spec is None:
            raise ChangedError(
                f"package {name} had no code to run when a plugin in it was judged, and has some now: ask again",
                name=name,
            )
        return spec

    def _without_code(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """What the others find, if that is a package without code: it is what will be imported, whatever appears."""
        for finder in list(sys.meta_path):
            ask = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if ask is None else ask(name, path)
            if spec is not None:
                has_code = spec.loader is not None or spec.submodule_search_locations is None
                return None if has_code else spec
        return None


_finder = _Finder()


def _judged_parent(name: str) -> Parent | None:
    for attempt in _attempts.values():
        if name in attempt.parents:
            return attempt.parents[name]
    return None


def _spec(
    name: str, file: str, source: bytes | None, attempt: _Attempt | None, *, is_package: bool
) -> ModuleSpec | None:
    loader = _Loader(name, file, source, attempt)
    places = [os.path.dirname(file)] if is_package else None
    return importlib.util.spec_from_file_location(
        name, file, loader=loader, submodule_search_locations=places
    )


def read(found: Found) -> tuple[bytes, str]:
    """What a plugin's file holds, and its digest."""
    with open(found.file, "rb") as file:
        source = file.read()
    return source, digest_of(source)


def state_of(
    found: Found, source: bytes, digest: str, *, is_judged: bool, parents: Mapping[str, Parent]
) -> State:
    """The module of a file with this content: the one that is loaded, or it is loaded now.

    - `is_judged`: nothing but this source may run.
    - `parents`: the packages above it, as they were judged.
    """
    state = _states.get(found.module)
    if state is not None and state.is_of(found, digest, is_judged=is_judged):
        # Somebody may have taken it out of the process, as the original does.
        sys.modules.setdefault(found.module, state.module)
        return state
    _wait_for_others(found)
    if not is_judged and found.module not in _attempts:
        _observe()
        adopted = _adopt(found, digest)
        if adopted is not None:
            return adopted
    return _load(found, source, digest, is_judged, parents)


def _wait_for_others(found: Found) -> None:
    """Waits for whoever imports the module by itself; if that is this very thread, it is half there and not to be had."""

    def is_half_there() -> bool:
        module = sys.modules.get(found.module)
        is_begun = bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
        return is_begun and found.module not in _attempts

    if is_half_there():
        try:
            importlib.import_module(found.module)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException:
            # Who imports it is told; here it is tried again.
            return
        if is_half_there():
            raise _half_loaded(found)


def _adopt(found: Found, digest: str) -> State | None:
    """The module as the program has imported it by itself, if its file was surely not written since."""
    module = sys.modules.get(found.module)
    state = _states.get(found.module)
    if module is None or (state is not None and state.module is module):
        return None
    file = getattr(module, "__file__", None)
    try:
        if file is None or not os.path.samefile(file, found.file):
            return None
        # Nobody can set this time, but a file system may tell it some ticks late.
        is_old = os.stat(found.file).st_ctime < _imported_after(found.module) - 0.05
    except OSError:
        return None
    if not is_old and found.is_source:
        return None
    state = State(found, digest, module, is_judged=False)
    _states[found.module] = state
    return state


def _load(
    found: Found, source: bytes, digest: str, is_judged: bool, parents: Mapping[str, Parent]
) -> State:
    name = found.module
    _observe()
    with _lock:
        known = _states.get(name)
        if known is not None and known.is_of(found, digest, is_judged=is_judged):
            # Another thread was quicker.
            return known
        attempt = _attempts.get(name)
        is_mine = attempt is None or attempt.error is not None
        if attempt is None or is_mine:
            attempt = _attempts[name] = _Attempt(found, digest, parents)
            attempt.is_judged = is_judged
            # Compiled code is told by size and second of its source: after an edit that may not be enough.
            attempt.exact = source if is_judged or known is not None else None
            attempt.before = sys.modules.pop(name, None)
        attempt.users += 1
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
    try:
        if is_mine:
            # A file that has just appeared is not in the listings that import machinery keeps.
            importlib.invalidate_caches()
            if attempt.exact is None and found.is_source:
                drop_doubtful_bytecode(found.file)
        module = importlib.import_module(name)
        if found.is_source and attempt.module is not module:
            raise _half_loaded(found)
        state = State(attempt.found, attempt.digest, module, is_judged=attempt.is_judged)
        with _lock:
            known = _states.get(name)
            if known is not None and known.module is module:
                state = known
            else:
                _states[name] = state
    except BaseException as error:
        if is_mine:
            attempt.error = attempt.error or error
        raise
    finally:
        _observe()
        with _lock:
            attempt.users -= 1
            if attempt.users == 0:
                if _attempts.get(name) is attempt:
                    del _attempts[name]
                if attempt.error is not None and attempt.before is not None:
                    # Who imports it by name goes on with what there was.
                    sys.modules.setdefault(name, attempt.before)
                if not _attempts and _finder in sys.meta_path:
                    sys.meta_path.remove(_finder)
    if not state.is_of(found, digest, is_judged=is_judged):
        # Another thread has loaded another content meanwhile: the file was being changed.
        raise ChangedError(
            f"plugin module {name} ({found.file}) was changed while it was loaded: ask again", name=name
        )
    return state


def _half_loaded(found: Found) -> ReentrantError:
    return ReentrantError(
        f"plugin module {found.module} ({found.file}) is asked for while it is being loaded, by its own code or by "
        "that of another module that waits for it: ask for it later"
    )


#: Since when a module may have been imported at the earliest, in seconds since 1970, and what set the clock apart from
#: the one that nobody sets.
_since: dict[str, tuple[float, float]] = {}
_observed_at: float | None = None


def _observe() -> None:
    """Notes which modules there are: what other plugins import was imported after the look before."""
    global _observed_at
    now = time.time()
    apart = now - time.monotonic()
    with _lock:
        earliest = _began() if _observed_at is None else min(_observed_at, now)
        for name in sys.modules.keys() - _since.keys():
            _since[name] = (earliest, apart)
        _observed_at = now


def _imported_after(name: str) -> float:
    """When a module was imported at the earliest; long ago if that is not known, or if the clock was set since."""
    earliest, apart = _since.get(name, (0.0, 0.0))
    return earliest if abs(time.time() - time.monotonic() - apart) < 0.05 else 0.0


_began_at: float | None = None


def _began() -> float:
    """When this process began, in seconds since 1970; where that is not told, long ago."""
    global _began_at
    if _began_at is None:
        try:
            with open("/proc/self/stat", "rb") as file:
                ticks = int(file.read().rpartition(b")")[2].split()[19])
            with open("/proc/stat", "rb") as file:
                boot = next(int(line.split()[1]) for line in file if line.startswith(b"btime"))
            # The start is counted in ticks of a clock that began in that second.
            _began_at = boot + ticks / os.sysconf("SC_CLK_TCK") - 1.0
        except (OSError, ValueError, StopIteration, IndexError):
            _began_at = 0.0
    return _began_at
