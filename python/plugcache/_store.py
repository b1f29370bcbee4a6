"""`Store`: what a plugin wants to find again after a restart."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, cast

from ._errors import ConfigError, StoreError
from ._plugcache import PluginData

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import TypeGuard

_INDEX = "plugcache.names"


class Store(MutableMapping[str, Any]):
    """Data of one plugin, by name: JSON values and bytes. Durable: it lies in the data directory, and clearing caches
    never touches it. Each value is saved as a whole: who reads sees the old one or the new one, whenever the machine
    stops.

    Values are what JSON has (numbers, text, booleans, `None`, lists, dictionaries with text as keys) and bytes;
    anything else is refused, so that what is read is what was saved. `codec="pickle"` takes nearly everything, and
    runs code of whoever can write to the data directory. What is read is a fresh copy.

    - `plugin`: its id: any text.
    - `category`: which of several kinds of data. Default: that of plugins.
    - `directory`: the data directory. Default: the one that is configured.
    - `signature`: a mark of what is saved, the plugin's configuration or version, say: reading what was saved under
      another one raises `StaleDataError`. Default: none.
    """

    def __init__(
        self,
        plugin: str,
        *,
        category: str | None = None,
        directory: str | os.PathLike[str] | None = None,
        signature: str | None = None,
        codec: Literal["json", "pickle"] = "json",
    ) -> None:
        if codec not in ("json", "pickle"):
            raise ConfigError(f'codec is {codec!r}: expected "json" or "pickle"')
        self.plugin = plugin
        self.codec = codec
        where = None if directory is None else os.fspath(directory)
        try:
            plugin.encode()
        except UnicodeEncodeError as error:
            raise ConfigError(f"plugin {plugin!r} has half a character: expected text that UTF-8 has") from error
        self._data = PluginData(plugin, category, where, signature)
        # Which names there are is right whatever they were saved under.
        self._names = PluginData(plugin, category, where, None)

    @property
    def path(self) -> str:
        """Where its files are, once there are any."""
        return os.fspath(self._data.path)

    def __getitem__(self, name: str) -> Any:
        saved = self._data.load(_item(name)) if _is_name(name) else None
        if saved is None or saved[:1] == b"-":
            raise KeyError(name)
        return self._decode(name, saved)

    def __setitem__(self, name: str, value: Any) -> None:
        encoded = self._encode(name, value)
        self._data.save(_item(name), encoded)
        self._note(name, is_there=True)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        self._data.save(_item(name), b"-")
        self._note(name, is_there=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._list())

    def __len__(self) -> int:
        return len(self._list())

    def __contains__(self, name: object) -> bool:
        return _is_name(name) and self._data.load(_item(name)) not in (None, b"-")

    def __repr__(self) -> str:
        return f"<plugcache.Store {self.plugin!r} in {self.path}>"

    def clear(self) -> None:
        """Removes all that the plugin has saved in this category."""
        self._data.remove()

    def _list(self) -> list[str]:
        import json

        saved = self._names.load(_INDEX)
        return [] if saved is None else cast("list[str]", json.loads(saved))

    def _note(self, name: str, *, is_there: bool) -> None:
        self._names.note(_INDEX, name, is_there)

    def _encode(self, name: str, value: Any) -> bytes:
        if not isinstance(name, str):
            raise StoreError(f"plugin {self.plugin!r}: {name!r} is no name: a store's names are text")
        if not _is_name(name):
            raise StoreError(f"plugin {self.plugin!r}: {name!r} is no name: it has half a character")
        if isinstance(value, bytes):
            return b"b" + value
        what = f"plugin {self.plugin!r}: {name!r}"
        if self.codec == "pickle":
            import pickle

            try:
                return b"p" + pickle.dumps(value)
            except Exception as error:
                raise StoreError(f"{what} cannot be pickled: {type(error).__name__}: {error}") from error
        import json

        _check(what, value, 0)
        try:
            return b"j" + json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start : error.end]
            raise StoreError(
                f'{what}: {half!r} in it is half a character, which JSON in UTF-8 cannot have: say codec="pickle"'
            ) from error
        except ValueError as error:
            raise StoreError(f'{what} cannot be JSON: {error}; save it as text, or say codec="pickle"') from error

    def _decode(self, name: str, saved: bytes) -> Any:
        kind, content = saved[:1], saved[1:]
        if kind == b"b":
            return content
        if kind == b"j":
            import json

            return json.loads(content)
        if kind == b"p":
            if self.codec != "pickle":
                raise StoreError(
                    f'{self.path}: {name!r} is a pickle, which runs code when it is read: say codec="pickle"'
                )
            import pickle

            return pickle.loads(content)
        raise StoreError(f"{self.path}: {name!r} was not saved by this version: it is of kind {kind!r}")


def _is_name(name: object) -> TypeGuard[str]:
    """Whether it is text that there are files of: lone surrogates are not."""
    if not isinstance(name, str):
        return False
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _item(name: str) -> str:
    # Beside the files of others in the same directory: none of ours is named by a plugin.
    return f"value:{name}"


def _check(what: str, value: Any, depth: int) -> None:
    """Refuses what JSON would turn into something else."""
    if depth > 100:
        raise StoreError(f"{what} nests deeper than 100 levels")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return
    if kind is float:
        if value - value == 0:
            return
        raise StoreError(f"{what}: {value!r} is no number that JSON has")
    if kind is list:
        for part in value:
            _check(what, part, depth + 1)
        return
    if kind is dict:
        for key, part in value.items():
            if type(key) is not str:
                raise StoreError(f"{what}: key {key!r} is no text, and would come back as text")
            _check(what, part, depth + 1)
        return
    raise StoreError(
        f"{what}: a {kind.__qualname__} would not come back as what it is: save lists, dictionaries, text, numbers "
        'or bytes, or say codec="pickle"'
    )
