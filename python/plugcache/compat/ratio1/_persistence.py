"""`cacheapi_*`: what a plugin of naeural_core finds again after a restart, over plugcache's durable store.

The files are the original's, and each reads what the other wrote: `<data>/<category>/<plugin id in lower case>/` with
`object.pickle`, `metadata.json` and `data.json`. What differs, each time for a fault that it had:

- `[]`, `0`, `{}` and `None` come back as what was saved, and not as the default.
- The default dictionary of one plugin is not that of the next.
- A save is seen as a whole or not at all, JSON as well. One that fails raises `StoreError` after `P` has told it: the
  old value stays, and no other file.
- JSON keeps the types of its keys: `{"1": …}` and `{1: …}` come back as what they were. Keys of a file that the
  original wrote are text, as they are in the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..._errors import StaleDataError, StoreError
from ..._plugcache import PluginData

if TYPE_CHECKING:
    from collections.abc import Callable

_OBJECT, _JSON, _KEYS = "object.pickle", "data.json", "ratio1.keys"
_SERVING = "cache_serving"
_MISSING: Any = object()
#: How often an update is tried again when others save meanwhile.
_PATIENCE = 100


class _PersistenceSerializationMixin:
    """Saves and loads for a class that has `log.get_data_folder()`, `P`, and `cfg_serialization_signature`, a mark of
    what is pickled: what was pickled under another one is not loaded. `None`: anything is."""

    def __init__(self) -> None:
        super().__init__()

    @property
    def _persistence_fld(self) -> str | None:
        """The plugin's directory below the data directory."""
        return _folder(self)

    @property
    def _cache_folder(self) -> str:
        """The category. Default: none, which is the data directory itself."""
        return ""

    @property
    def plugin_id(self) -> str:
        """Which plugin this is. Default: its class's name."""
        name = type(self).__name__
        sanitize = getattr(self, "sanitize_name", None)
        return name if sanitize is None else str(sanitize(name))

    def _maybe_setup_persistence_fld(self) -> str:
        """Makes the plugin's directory, and returns it below the data directory."""
        folder = _folder(self)
        root = self.log.get_data_folder()  # type: ignore[attr-defined]
        os.makedirs(os.path.join(root, folder.lstrip("/")), mode=0o700, exist_ok=True)
        return folder

    def persistence_serialization_save(self, obj: Any, verbose: bool = True) -> None:
        """Pickles an object for this plugin."""
        _save_object(self, _own(self), obj, verbose)

    def persistence_serialization_load(self, default: Any = None, verbose: bool = True) -> Any:
        """What this plugin has pickled; `default` if there is nothing, or nothing of the current signature."""
        return _load_object(self, _own(self), default, verbose)

    def persistence_serialization_update(
        self, update_callback: Callable[[Any], Any], verbose: bool = True
    ) -> None:
        """Puts what `update_callback` makes of the pickled object in its place; it is given `None` if there is none.
        It is asked again if somebody else has saved meanwhile, another process say: no lock is held while it runs."""
        _update_object(self, _own(self), update_callback, verbose)

    def persistence_serialization_save_to_serving(self, obj: Any, name: str, verbose: bool = True) -> None:
        """Pickles an object for a serving process."""
        _save_object(self, (_SERVING, name), obj, verbose)

    def persistence_serialization_load_from_serving(
        self, name: str, default: Any = None, verbose: bool = True
    ) -> Any:
        """What was pickled for a serving process."""
        return _load_object(self, (_SERVING, name), default, verbose)

    def persistence_serialization_update_serving(
        self, update_callback: Callable[[Any], Any], name: str, verbose: bool = True
    ) -> None:
        """Puts what `update_callback` makes of a serving process's object in its place."""
        _update_object(self, (_SERVING, name), update_callback, verbose)

    def cacheapi_save_pickle(self, obj: Any, verbose: bool = True) -> None:
        """Pickles an object for this plugin instance.

        - `verbose`: say so. What fails is said in any case, and raises `StoreError`. Default: yes.
        """
        self.persistence_serialization_save(obj, verbose=verbose)

    def cacheapi_load_pickle(self, default: Any = None, verbose: bool = True) -> Any:
        """What was pickled for this plugin instance; `default` if there is nothing, or nothing of the current
        signature, or nothing that can be read. Reading a pickle runs code of whoever can write to the directory."""
        return self.persistence_serialization_load(default=default, verbose=verbose)

    def cacheapi_save_json(self, obj: Any, verbose: bool = False) -> None:
        """Saves JSON for this plugin instance: what JSON has, numbers and arrays of numpy, dates as text; what is
        no number (NaN, infinity) as `null`.

        - `verbose`: say so. What fails is said in any case, and raises `StoreError`. Default: no.
        """
        _save_json(self, _own(self), obj, verbose)

    def cacheapi_load_json(self, default: Any = {}, verbose: bool = False) -> Any:  # noqa: B006
        """What was saved as JSON for this plugin instance; `default` if there is nothing, or nothing that can be
        read. Default: a new, empty dictionary."""
        found = _load_json(self, _own(self), verbose)
        if found is not _MISSING:
            return found
        return {} if default is _DEFAULT else default


_DEFAULT = (_PersistenceSerializationMixin.cacheapi_load_json.__defaults__ or ({},))[0]

# ---- the steps, for whoever has the mixin's methods ------------------------------------------------------------

_Place = tuple[str, str]


def _own(plugin: Any) -> _Place:
    return str(plugin._cache_folder), str(plugin.plugin_id)


def _folder(plugin: Any) -> str:
    category, name = _own(plugin)
    return f"{category}/{name.lower()}"


def _data(plugin: Any, place: _Place, signature: Any = None) -> PluginData:
    import json

    category, name = place
    mark = None if signature is None else json.dumps(signature)
    root = os.path.abspath(plugin.log.get_data_folder() or os.curdir)
    return PluginData(name.lower(), category.strip("/"), root, mark, compatible=True)


def _signature(plugin: Any) -> Any:
    return getattr(plugin, "cfg_serialization_signature", None)


def _save_object(plugin: Any, place: _Place, obj: Any, verbose: bool) -> None:
    import pickle

    try:
        data = _data(plugin, place, _signature(plugin))
        data.save(_OBJECT, pickle.dumps(obj, protocol=pickle.HIGHEST_PROTOCOL))
    except Exception as error:
        raise _failed(plugin, f"object of plugin {place[1]!r} was not saved", error) from error
    _tell(plugin, verbose, f"Saved object of plugin '{place[1]}' in {data.path}")


def _load_object(plugin: Any, place: _Place, default: Any, verbose: bool) -> Any:
    import pickle

    try:
        saved = _data(plugin, place, _signature(plugin)).load(_OBJECT)
        if saved is None:
            _tell(plugin, verbose, f"There is no saved object of plugin '{place[1]}'", color="r")
            return default
        return pickle.loads(saved)
    except StaleDataError as error:
        plugin.P(f"Loaded serialization signature differs from the current one: {error}", color="y")
    except Exception as error:
        plugin.P(f"Object of plugin '{place[1]}' cannot be loaded: {error}", color="r")
    return default


def _update_object(plugin: Any, place: _Place, change: Callable[[Any], Any], verbose: bool) -> None:
    if change is None:
        raise ValueError("update_callback is None: expected a function that is given the object")
    import pickle

    for _ in range(_PATIENCE):
        try:
            # Whatever it was saved under, as the original has it.
            saved = _data(plugin, place).load(_OBJECT)
            current = None if saved is None else pickle.loads(saved)
            changed = pickle.dumps(change(current), protocol=pickle.HIGHEST_PROTOCOL)
            data = _data(plugin, place, _signature(plugin))
            if data.exchange(_OBJECT, saved, changed):
                _tell(plugin, verbose, f"Updated object of plugin '{place[1]}' in {data.path}")
                return
        except Exception as error:
            raise _failed(plugin, f"object of plugin {place[1]!r} was not updated", error) from error
    raise _failed(plugin, f"object of plugin {place[1]!r} was not updated", StoreError("others save it all the time"))


def _save_json(plugin: Any, place: _Place, obj: Any, verbose: bool) -> None:
    from . import _json

    try:
        text, keys = _json.encode(obj)
        data = _data(plugin, place)
        # First what tells the types of the keys: it counts for this very text, whenever that comes.
        if keys is not None or data.load(_KEYS) is not None:
            data.save(_KEYS, keys or b"null")
        data.save(_JSON, text)
    except Exception as error:
        raise _failed(plugin, f"JSON of plugin {place[1]!r} was not saved", error) from error
    _tell(plugin, verbose, f"Saved JSON of plugin '{place[1]}' in {data.path}")


def _load_json(plugin: Any, place: _Place, verbose: bool) -> Any:
    from . import _json

    try:
        data = _data(plugin, place)
        saved = data.load(_JSON)
        if saved is not None:
            return _json.decode(saved, data.load(_KEYS))
        _tell(plugin, verbose, f"There is no saved JSON of plugin '{place[1]}'", color="r")
    except Exception as error:
        plugin.P(f"JSON of plugin '{place[1]}' cannot be loaded: {error}", color="r")
    return _MISSING


def _failed(plugin: Any, what: str, error: Exception) -> StoreError:
    text = str(error) if isinstance(error, StoreError) else f"{type(error).__name__}: {error}"
    plugin.P(f"{what}: {text}", color="r")
    return StoreError(f"{what}: {text}; what was saved before is still there")


def _tell(plugin: Any, verbose: bool, text: str, color: str | None = None) -> None:
    if verbose:
        plugin.P(text, color=color)
