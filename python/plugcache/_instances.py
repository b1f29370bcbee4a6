"""`Instances`: running plugins, each under a key of its own, reconfigured rather than started again."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._cached import cache_name
from ._errors import ConfigError
from ._plugcache import Handle as _NativeHandle, Instances as _Native

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal

    from typing_extensions import Self

T = TypeVar("T")


class Handle(Generic[T]):
    """An instance in use, until it is released: by `release()`, at the end of a `with`, or when nobody has it any more.

    In a `with`, the instance itself is what `as` names.
    """

    def __init__(self, native: _NativeHandle) -> None:
        self._native = native

    @property
    def instance(self) -> T:
        """The plugin."""
        instance: T = self._native.instance
        return instance

    @property
    def outcome(self) -> Literal["started", "unchanged", "applied", "pending"]:
        """What has become of the configuration that it was asked for with. `pending`: it was busy for longer than one
        waits, and has the old one still; the next who asks with this one applies it."""
        outcome: Any = self._native.outcome
        told: Literal["started", "unchanged", "applied", "pending"] = outcome
        return told

    @property
    def key(self) -> str:
        """Its key, for people."""
        return self._native.key

    @property
    def config(self) -> Any:
        """A copy of its configuration."""
        return self._native.config

    @property
    def is_old(self) -> bool:
        """Whether others get another one by now: it was replaced, and is stopped when its last user lets go."""
        return self._native.is_old

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped: with all others, while it was in use."""
        return self._native.is_stopped

    def release(self) -> None:
        """Lets go of it. A second time does nothing."""
        self._native.release()

    def __enter__(self) -> T:
        return self.instance

    def __exit__(self, *_: object) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<plugcache.Instances handle, {self.outcome}>"


class Instances(Generic[T]):
    """Running plugins of this process, by key.

        cameras = pc.Instances("cameras", start=Camera)
        with cameras.get(("street", "camera", "1"), {"rate": 25}) as camera:
            camera.look()

    A key is a tuple of what can be an argument of a cached function (anything else stands for a tuple of one), of which
    the full digest counts: equal parts are equal keys, and no two others ever meet. However many threads ask for a key
    at the same time, one starts it; different keys start side by side. No lock is held while a plugin's code runs.

    Who comes with another configuration, for a plugin that runs, gives it that: if it raises, it is told the old one
    again in the same way, and `InstanceConfigError` is raised. Configurations are compared by value, types included
    (`1` is not `True`), and plugins get copies: what a caller does to his afterwards changes nothing. Values whose
    `==` tells no truth value (arrays, tables) are compared as they are pickled.

    A start that fails raises `InstanceStartError`, with what it raised as its cause, and is tried again when a while
    has passed that doubles with each failure, or at once with another configuration or after `retry_now`.

    An instance that somebody uses is never evicted. In a child process that was forked there are none: those of the
    parent stay the parent's. At the end of the program all are stopped.

    - `name`: what they are called in figures and messages.
    - `start`: makes an instance from a configuration: a class, say. Default: `get` says it.
    - `reconfigure`: brings an instance a configuration. Default: its method `reconfigure(config)`.
    - `stop`: ends an instance; called once for each. What it raises is told as Python tells of finalisers. Default: its
      method `stop()`, or `close()`, if it has one.
    - `capacity`: most instances, as far as they are not in use. Default: 10,000.
    - `idle_after`: seconds after which one that nobody uses is stopped, when another one is started or at `prune()`.
      `None`: when there is no room. Default: 600.
    - `check_interval`: seconds in which the files of an instance are looked at once, at most. Default: 1.
    - `busy_wait`: seconds to wait for one that another thread is reconfiguring. Default: 10.
    - `start_wait`: seconds to wait for one that another thread is starting. Default: 30.
    - `retry`: seconds until a failed start is tried again: after the first failure, and at most. Default: 1 and 300.
    """

    def __init__(
        self,
        name: str = "instances",
        *,
        start: Callable[[Any], T] | None = None,
        reconfigure: Callable[[T, Any], object] | None = None,
        stop: Callable[[T], object] | None = None,
        capacity: int = 10_000,
        idle_after: float | None = 600.0,
        check_interval: float = 1.0,
        busy_wait: float = 10.0,
        start_wait: float = 30.0,
        retry: tuple[float, float] = (1.0, 300.0),
    ) -> None:
        self.name = name
        self._start = start
        self._limits = {
            "name": cache_name(name),
            "capacity": capacity,
            "idle_after": idle_after,
            "check_interval": check_interval,
            "busy_wait": busy_wait,
            "start_wait": start_wait,
            "retry": retry,
        }
        self._hooks = (_reconfigure if reconfigure is None else reconfigure, _stop if stop is None else stop)
        # Made at once, so that what cannot be used is told here; and again in a child that was forked.
        self._made: _Native | None = _Native(self._limits, *self._hooks)
        _all.add(self)

    @property
    def _native(self) -> _Native:
        made = self._made
        if made is None:
            with _lock:
                made = self._made
                if made is None:
                    made = self._made = _Native(self._limits, *self._hooks)
        return made

    def get(
        self,
        key: Any,
        config: Any = None,
        *,
        start: Callable[[Any], T] | None = None,
        inputs: Iterable[str | os.PathLike[str]] = (),
    ) -> Handle[T]:
        """The instance of a key, with this configuration: the one that runs, reconfigured if need be, or a new one.

        - `start`: makes one, if none runs. Default: that of all.
        - `inputs`: files and directories that it is made from. If they have changed since it was started, there is a
          new one for this caller and those after him; the old one is stopped when its last user lets go. Those that
          were given at the start count. Default: none.
        """
        factory = self._start if start is None else start
        if factory is None:
            raise ConfigError(f"instances {self.name!r}: nothing says how one is started: say start=")
        files = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
        paths = [os.path.abspath(os.fspath(path)) for path in files]
        return Handle(self._native.get(_parts(key), config, factory, [(path, os.path.isdir(path)) for path in paths]))

    def find(self, key: Any) -> Handle[T] | None:
        """The instance of a key as it is, if one runs."""
        found = self._native.find(_parts(key))
        return None if found is None else Handle(found)

    def retry_now(self, key: Any) -> bool:
        """Forgets that a key's start failed, so that the next who asks tries again. Returns whether it had."""
        return self._native.retry_now(_parts(key))

    def failures(self) -> list[tuple[str, str, int, float]]:
        """Keys whose start failed and has not succeeded since: the key for people, why, how often in a row, and seconds
        until the next try."""
        return self._native.failures()

    def prune(self) -> tuple[int, int, int]:
        """Stops those that nobody has used for too long, those that are too many, and unused ones whose files have
        changed. Returns how many of each. For a host to call now and then."""
        return self._native.prune()

    def shutdown(self) -> int:
        """Stops all, the youngest first, those in use too, and starts none any more. Returns how many were stopped."""
        return self._native.shutdown()

    def stats(self) -> dict[str, int]:
        """How many there are, and what has happened to them."""
        return self._native.stats()

    @staticmethod
    def digest(key: Any) -> str:
        """The digest that stands for a key, in hexadecimal digits."""
        return _Native.digest(_parts(key))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"<plugcache.Instances {self.name!r}>"

    def _begin_anew(self) -> None:
        """In a child: what runs is the parent's, and is left alone."""
        if self._made is not None:
            _of_parents.append(self._made)
        self._made = None


def _parts(key: Any) -> tuple[Any, ...]:
    return key if type(key) is tuple else (key,)


def _reconfigure(instance: Any, config: Any) -> None:
    own = getattr(instance, "reconfigure", None)
    if own is None:
        raise TypeError(
            f"{type(instance).__qualname__} has no method reconfigure(config): give it one, say reconfigure=, or make "
            "what differs a part of the key"
        )
    own(config)


def _stop(instance: Any) -> None:
    own = getattr(instance, "stop", None) or getattr(instance, "close", None)
    if callable(own):
        own()


def is_same(one: Any, other: Any) -> bool:
    """Whether two configurations are equal, with the types of all that is in them."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping) and type(one) is not dict:
        return is_same(dict(one), dict(other))
    if type(one) is dict:
        return len(one) == len(other) and all(key in other and is_same(value, other[key]) for key, value in one.items())
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    try:
        is_equal = one == other
    except Exception:
        return _is_same_pickled(one, other)
    # What an array says of each of its elements, and of others that it takes for as many, is no answer.
    return is_equal if type(is_equal) is bool else _is_same_pickled(one, other)


def _is_same_pickled(one: Any, other: Any) -> bool:
    """Whether two values would be made in the same way; what cannot be pickled is different each time."""
    import pickle

    try:
        return pickle.dumps(one, protocol=5) == pickle.dumps(other, protocol=5)
    except Exception:
        return False


_all: weakref.WeakSet[Instances[Any]] = weakref.WeakSet()
_of_parents: list[_Native] = []
_lock = threading.Lock()


def _shut_down_all() -> None:
    for instances in list(_all):
        if instances._made is not None:
            instances.shutdown()


def _begin_anew_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    for instances in list(_all):
        instances._begin_anew()


atexit.register(_shut_down_all)
os.register_at_fork(after_in_child=_begin_anew_in_child)
