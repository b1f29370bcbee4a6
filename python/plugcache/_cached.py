"""`cached`: results of functions, kept in memory and on disk."""

from __future__ import annotations

import functools
import os
import sys
from collections import namedtuple
from typing import TYPE_CHECKING, Any, cast, overload

from ._errors import ConfigError
from ._plugcache import Function as _Function, digest as _digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import timedelta
    from types import CodeType, FunctionType
    from typing import Concatenate, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

    from typing_extensions import Self

    P = ParamSpec("P")
    Q = ParamSpec("Q")
    S = TypeVar("S")
    R = TypeVar("R")
    R_co = TypeVar("R_co", covariant=True)
    T = TypeVar("T")

    class CacheInfo(NamedTuple):
        """Figures of a cached function, those of `functools` first."""

        hits: int
        misses: int
        maxsize: int | None
        currsize: int
        memory_hits: int
        disk_hits: int
        loads: int
        errors: int
        waits: int
        evictions: int
        time_saved: float

    class CachedFunction(Protocol[P, R_co]):
        """A function whose results are kept."""

        __name__: str
        __qualname__: str

        @property
        def __wrapped__(self) -> Callable[P, R_co]: ...
        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
        @overload
        def __get__(self, instance: None, owner: type, /) -> Self: ...
        @overload
        def __get__(
            self: CachedFunction[Concatenate[S, Q], T], instance: S, owner: type | None = None, /
        ) -> Callable[Q, T]: ...
        def cache_info(self) -> CacheInfo: ...
        def cache_clear(self) -> None: ...
        def cache_key(self, *args: P.args, **kwargs: P.kwargs) -> bytes | None: ...
        def cache_explain(self, *args: P.args, **kwargs: P.kwargs) -> str: ...

    Inputs = Iterable[str | os.PathLike[str]]
    Codec = Literal["json", "pickle"]

else:
    CacheInfo = namedtuple(
        "CacheInfo",
        "hits misses maxsize currsize memory_hits disk_hits loads errors waits evictions time_saved",
    )
    CacheInfo.__doc__ = "Figures of a cached function, those of `functools` first."


def _info(told: dict[str, Any]) -> CacheInfo:
    """Figures as a cached function tells them: called by the native half."""
    return CacheInfo(
        hits=told["hits"],
        misses=told["misses"],
        maxsize=told["maxsize"],
        currsize=told["entries"],
        memory_hits=told["memory_hits"],
        disk_hits=told["disk_hits"],
        loads=told["loads"],
        errors=told["load_errors"],
        waits=told["waits"],
        evictions=sum(told["evictions"].values()),
        time_saved=told["time_saved"],
    )


@overload
def cached(function: Callable[P, R], /) -> CachedFunction[P, R]: ...
@overload
def cached(
    *,
    ttl: float | timedelta | None = None,
    inputs: Inputs = (),
    env: Iterable[str] = (),
    version: str = "",
    maxsize: int | None = 1024,
    disk: bool = True,
    codec: Codec = "json",
    share: bool = False,
    name: str | None = None,
    wait: float = 300.0,
    once_per_host: bool = False,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]: ...
def cached(
    function: Callable[..., Any] | None = None,
    /,
    *,
    ttl: float | timedelta | None = None,
    inputs: Inputs = (),
    env: Iterable[str] = (),
    version: str = "",
    maxsize: int | None = 1024,
    disk: bool = True,
    codec: Codec = "json",
    share: bool = False,
    name: str | None = None,
    wait: float = 300.0,
    once_per_host: bool = False,
) -> Any:
    """Keeps a function's results, in memory and on disk, for `def` and `async def`.

    However many threads, or tasks, ask for one result at the same time, the function runs once. What it raises is
    raised in all of them, and not kept.

    Keys are the arguments by value, each with its type: `1`, `1.0`, `True` and `"1"` are four. Numbers, text, bytes,
    `None`, tuples and frozen sets of these, enumerations, hashable dataclasses, named tuples, paths, dates, decimals
    and UUIDs are keys. A call with anything else is computed each time; one warning says so.

    What a caller does to a result changes nobody else's: lists, dictionaries and sets are copied when they are handed
    out, anything that may change goes through `copy.deepcopy`, and what cannot be copied (a generator) is not kept.

    On disk there is typed JSON: numbers, text, bytes, `None`, lists, tuples, sets and dictionaries of these come back
    as what they were. Any other result is kept in memory only. So are those of functions that close over variables,
    unless they are given a `name`. A function whose code or defaults changed does not get the old one's results; one
    that *calls* another that changed does, which is what `version` is for.

    - `ttl`: how long a result lives, in seconds. Default: for ever.
    - `inputs`: files and directories that the results are made from. A result is served as long as they are what they
      were. Relative paths are relative to the working directory at the time of decoration. Default: none.
    - `env`: names of environment variables that results depend on: a result is served where all of them are what they
      were when it was made, or not set if they were not. Default: none.
    - `version`: results of another version are not served: `__version__`, say. Default: the empty version.
    - `maxsize`: most results in memory. `None`: no bound. Default: 1024.
    - `disk`: keep results for other processes, too. Default: yes.
    - `codec`: `"json"`, or `"pickle"`, which keeps nearly everything and runs code of whoever can write to the cache
      directory. Default: `"json"`.
    - `share`: hand out the very object that is kept. Default: no.
    - `name`: name of the cache, in figures and settings. Default: from the function's module and name.
    - `wait`: seconds to wait for another thread that computes the same before computing it, too. Default: 300.
    - `once_per_host`: let only one process of this machine at a time compute a result. Default: no.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        return _decorate(
            function, ttl, inputs, env, version, maxsize, disk, codec, share, name, wait, once_per_host
        )

    return decorate if function is None else decorate(function)


def _decorate(
    function: Callable[..., Any],
    ttl: float | timedelta | None,
    inputs: Inputs,
    env: Iterable[str],
    version: str,
    maxsize: int | None,
    disk: bool,
    codec: Codec,
    share: bool,
    name: str | None,
    wait: float,
    once_per_host: bool,
) -> Any:
    if not callable(function):
        raise ConfigError(f"cached expects a function, got {function!r}: write @cached() with its settings by name")
    if codec not in ("json", "pickle"):
        raise ConfigError(f'codec is {codec!r}: expected "json" or "pickle"')
    if maxsize is not None and maxsize < 0:
        raise ConfigError(f"maxsize is {maxsize!r}: expected a number of results, or None for no bound")
    if not 0 <= wait < 1e9:
        raise ConfigError(f"wait is {wait!r}: expected a number of seconds")
    told = _identity(function)
    keeps_on_disk = disk and (told.is_stable or name is not None)
    options = {
        "name": cache_name(name or told.name) if name is not None or told.is_stable else _passing(told.name),
        "ttl": seconds(ttl),
        "maxsize": maxsize,
        "codec": codec if keeps_on_disk else None,
        "inputs": [_input(path) for path in ([inputs] if isinstance(inputs, (str, os.PathLike)) else inputs)],
        "version": f"{version}+{told.digest}",
        "scope": [told.name, told.file, f"{sys.version_info[0]}.{sys.version_info[1]}"],
        "wait": float(wait),
        "shared": share,
        "once_per_host": once_per_host,
        "env": sorted({env} if isinstance(env, str) else set(env)),
    }
    native = _Function(function, options)
    functools.update_wrapper(native, function)
    return _asynchronous(function, native) if _is_async(function) else native


_CO_COROUTINE = 0x80 | 0x100


def _is_async(function: Callable[..., Any]) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and bool(code.co_flags & _CO_COROUTINE)


def _asynchronous(function: Callable[..., Any], native: _Function) -> Any:
    from ._tasks import AGAIN

    missing = object()

    async def call(*args: Any, **kwargs: Any) -> Any:
        value = native._peek(args, kwargs, missing)
        if value is missing:
            value = await native._load(args, kwargs)
            if value is AGAIN:
                value = await function(*args, **kwargs)
        return value

    functools.update_wrapper(call, function)
    face = cast("Any", call)
    face.cache_info = native.cache_info
    face.cache_clear = native.cache_clear
    face.cache_key = native.cache_key
    face.cache_explain = native.cache_explain
    return face


def seconds(span: float | timedelta | None) -> float | None:
    """A span of time in seconds."""
    if span is None:
        return None
    # `datetime` is not imported for this: whoever has such a span has done so.
    given = float(span) if isinstance(span, (int, float)) else span.total_seconds()
    if not 0 < given < 1e10:
        raise ConfigError(f"ttl is {span!r}: expected more than 0 seconds, or None for results that live for ever")
    return given


def _input(path: str | os.PathLike[str]) -> tuple[str, bool]:
    absolute = os.path.abspath(os.fspath(path))
    return absolute, os.path.isdir(absolute)


def cache_name(name: str) -> str:
    """A name as the hub takes it: lower-case letters, digits, `-` and `_`, at most 63."""
    plain = "".join(character if character in _ALLOWED else "-" for character in name)
    if plain == name.replace(".", "-") and plain[:1].isalnum() and len(plain) <= 63:
        return plain
    # What was changed is told apart by a digest: two names never become one.
    digest = _digest_of(name.encode("utf-8", "surrogatepass"))[:10]
    plain = "".join(character if character in _ALLOWED else "-" for character in name.lower())
    return f"{plain.strip('-_')[-50:].strip('-_') or 'cache'}-{digest}"


_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_count = 0


def _passing(name: str) -> str:
    """A name for a cache of this process alone: a function of this name is made many times."""
    global _count
    _count += 1
    return cache_name(f"{name}.{os.getpid()}.{_count}")


class _Identity:
    """Which function it is, for others than this process."""

    __slots__ = ("digest", "file", "is_stable", "name")

    def __init__(self, name: str, file: str, digest: str, is_stable: bool) -> None:
        self.name = name
        self.file = file
        self.digest = digest
        self.is_stable = is_stable


def _identity(function: Callable[..., Any]) -> _Identity:
    module = getattr(function, "__module__", None) or "?"
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    name = f"{module}.{qualname}"
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None:
        # A built-in function, a partial one, an object that can be called: what it does cannot be seen.
        return _Identity(name, "", "", False)
    plain = cast("FunctionType", function)
    told = bytearray()
    is_told = _tell(told, code) & _tell(told, (plain.__defaults__, plain.__kwdefaults__))
    file = code.co_filename
    is_file = not file.startswith("<")
    is_stable = is_told and is_file and plain.__closure__ is None and "<" not in qualname
    return _Identity(name, os.path.abspath(file) if is_file else file, _digest_of(bytes(told)), is_stable)


def _tell(told: bytearray, value: Any) -> bool:
    """Adds what a function does. False: something of it is known to this process alone."""
    told += type(value).__name__.encode() + b":"
    if hasattr(value, "co_code"):
        told += value.co_code
        shape = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)
        return _tell(told, (value.co_consts, value.co_names, value.co_varnames, value.co_freevars, shape))
    if isinstance(value, (tuple, list)):
        told += str(len(value)).encode() + b":"
        return all([_tell(told, part) for part in value])
    if isinstance(value, dict):
        return all([_tell(told, pair) for pair in sorted(value.items(), key=lambda pair: str(pair[0]))])
    if isinstance(value, frozenset):
        return all([_tell(told, part) for part in sorted(map(repr, value))])
    if value is None or value is Ellipsis or type(value) in (bool, int, float, complex, str, bytes):
        text = repr(value).encode("utf-8", "surrogatepass")
        told += str(len(text)).encode() + b":" + text
        return True
    return False
