"""`watch`: what is added, changed and removed of a host's plugins, while it runs."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import TYPE_CHECKING, NamedTuple, cast

from ._errors import ConfigError
from ._plugcache import Record, Watch as _Native
from ._registry import Registry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, Literal

    from typing_extensions import Self

    from ._plugcache import Index
    from ._resolver import Resolver

#: Seconds in which a thread of an event loop's pool looks up: a loop that ends waits so long.
_SLICE = 0.2
#: Seconds that the end of a program waits for a callback.
_LONGEST = 2.0


class Change(NamedTuple):
    """A plugin that came, went, or is not what it was."""

    kind: Literal["added", "changed", "removed"]
    name: str
    #: The file that defines it, or did.
    file: str
    #: What it was; `None` if it was added.
    old: Record | None
    #: What it is; `None` if it was removed.
    new: Record | None


class Watch:
    """Changes, one after the other, for `for` and for `async for`. Made by `watch`."""

    def __init__(self, indexes: list[Index], debounce: float, poll_interval: float) -> None:
        self._native = _Native(indexes, debounce, poll_interval)
        self._caller: threading.Thread | None = None
        _all.add(self)

    def next(self, timeout: float | None = None) -> Change | None:
        """The next change. `None`: there was none in so many seconds, or the watch is closed. Default: as long as it is
        open. Other threads go on meanwhile, and handlers of signals run."""
        while not self._native.wait(1e9 if timeout is None else timeout):
            if timeout is not None or self._native.is_closed:
                return None
        return self._take()

    def _take(self) -> Change | None:
        told = self._native.take()
        if told is None:
            return None
        kind, old, new = told
        record = cast("Record", old if new is None else new)
        return Change(cast("Any", kind), record.name, record.file, old, new)

    def __iter__(self) -> Iterator[Change]:
        while not self.is_closed:
            change = self.next()
            if change is not None:
                yield change

    async def __aiter__(self) -> AsyncIterator[Change]:
        import asyncio

        loop = asyncio.get_running_loop()
        while not self.is_closed:
            # Who is cancelled here loses no change: it is taken in the loop's own thread.
            await loop.run_in_executor(None, self._native.wait, _SLICE)
            while (change := self._take()) is not None:
                yield change

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come. In a child process that was forked it is: it makes one of its own."""
        return self._native.is_closed

    @property
    def polling(self) -> list[str]:
        """Why the system does not tell of changes, where it does not (a network file system, no watches left): there
        they are looked for at intervals. Empty: it tells of all."""
        return self._native.polling()

    def close(self) -> None:
        """Ends it, and who waits."""
        self._native.close()
        caller = self._caller
        if caller is not None and caller is not threading.current_thread():
            caller.join()

    def _call(self, callback: Callable[[Change], object]) -> None:
        def run() -> None:
            for change in self:
                try:
                    callback(change)
                except Exception:
                    # As in any thread: told, and the next change is told all the same.
                    import sys

                    kind, error, trace = sys.exc_info()
                    threading.excepthook(threading.ExceptHookArgs((kind, error, trace, threading.current_thread())))

        self._caller = threading.Thread(target=run, name="plugcache-watch-callback", daemon=True)
        self._caller.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def watch(
    *what: Registry[Any] | Resolver | str | os.PathLike[str],
    callback: Callable[[Change], object] | None = None,
    debounce: float = 0.05,
    poll_interval: float = 2.0,
) -> Watch:
    """Watches plugins, without importing any.

        with pc.watch(registry) as changes:
            for change in changes:
                print(change.kind, change.name)

    What is told are differences between two answers of the index, each proven: a plugin was added, removed, or is not
    what it was (in whichever file it, or a class that it derives from, is defined), never raw events of files. Whoever
    watches first and lists then misses nothing, and may be told of a change that the list has already. Changes are told
    when nothing has happened for a moment.

    The operating system wakes a thread of the watch's own. Close it, or use it in a `with`.

    - `what`: registries, resolvers, or directories, whose classes then count as plugins.
    - `callback`: called with each change, in a thread of its own. What it raises is told as by any thread, and changes
      nothing. Default: none, changes are iterated over.
    - `debounce`: seconds in which nothing must have happened before a change is told, at most 1 in all. Default: 0.05.
    - `poll_interval`: seconds between two looks where the system does not tell of changes. Default: 2.
    """
    indexes: list[Index] = []
    for one in what:
        if isinstance(one, Registry):
            indexes.append(one.index)
        elif isinstance(one, (str, os.PathLike)):
            indexes.append(Registry[object]("watch", roots=[one]).index)
        elif hasattr(one, "_layers"):
            indexes += [registry.index for registry, _ in one._layers()]
        else:
            raise ConfigError(f"watch expects registries, resolvers or directories, got {one!r}")
    if not indexes:
        raise ConfigError("watch has nothing to watch: give it a registry, a resolver or a directory")
    watched = Watch(indexes, debounce, poll_interval)
    if callback is not None:
        watched._call(callback)
    return watched


_all: weakref.WeakSet[Watch] = weakref.WeakSet()


def _close_all() -> None:
    for one in list(_all):
        one._native.close()
        # It would come back to an interpreter that is gone. A callback that takes longer is the program's own affair.
        if one._caller is not None:
            one._caller.join(_LONGEST)


# Before the threads are waited for that read changes and would never end. Where Python does not have that, at the end.
getattr(threading, "_register_atexit", atexit.register)(_close_all)
