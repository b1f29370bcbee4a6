"""The plugin loading of ratio1 and naeural_core: their calls and files, over plugcache.

    from plugcache.compat import ratio1

    ratio1.install()            # before or after the program imports ratio1 and naeural_core
    ...
    ratio1.uninstall()

What is put where, in the classes that the program has, so that whatever derives from them has it, too:

- `ratio1.plugins_manager_mixin._PluginsManagerMixin`: all of its methods but `__init__`;
- `naeural_core.manager.Manager`: `_get_module_name_and_class`;
- `naeural_core.utils.plugins_base.persistence_serialization_mixin._PersistenceSerializationMixin`: `cacheapi_*` and
  `persistence_serialization_*`.

Where ratio1 or naeural_core is not there at all, modules of these names are made that hold the classes of this one, and
nothing else. Without installation the classes can be used as they are.

What a program gains: a plugin that was not found, or could not be loaded, is found as soon as it is there; an edited
plugin is loaded anew; all managers share a plugin's class; different locations, suffixes and rules never share an
answer; configurations are copies; of several plugins of one name the same is taken every time; plugins of users are
judged before any of their code runs. What does not change: a plugin that is loaded is not loaded again because a module
that it imports was edited, and instances that are there stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._errors import ConfigError
from .._replace import Replacement
from . import _judging
from ._judging import CodeChecker
from ._manager import Manager
from ._mixin import UnsafeCodeError, _PluginsManagerMixin
from ._persistence import _PersistenceSerializationMixin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

__all__ = [
    "PROFILES",
    "CodeChecker",
    "Manager",
    "UnsafeCodeError",
    "_PersistenceSerializationMixin",
    "_PluginsManagerMixin",
    "install",
    "uninstall",
]

#: Versions of ratio1 whose shapes are known, and the naeural_core that goes with each.
PROFILES = {"3.5": "ratio1 3.5.60 with naeural_core 7.7.322"}

_MIXIN = "ratio1.plugins_manager_mixin"
_MANAGER = "naeural_core.manager"
_PERSISTENCE = "naeural_core.utils.plugins_base.persistence_serialization_mixin"


def _patch(own: type, names: Iterable[str]) -> Callable[[ModuleType], Callable[[], None]]:
    """Puts methods of a class of ours into the program's class of that name."""

    def patch(module: ModuleType) -> Callable[[], None]:
        theirs: Any = getattr(module, own.__name__)
        if theirs is own:
            return lambda: None
        before = {name: vars(theirs)[name] for name in names if name in vars(theirs)}
        for name in names:
            setattr(theirs, name, vars(own)[name])

        def undo() -> None:
            for name in names:
                if name in before:
                    setattr(theirs, name, before[name])
                else:
                    delattr(theirs, name)

        return undo

    return patch


def _methods(own: type) -> list[str]:
    is_method = (callable(one) or isinstance(one, property) for one in vars(own).values())
    names = [name for name, is_one in zip(vars(own), is_method) if is_one]
    return [name for name in names if not name.startswith("__")]


def _fill(*classes: type) -> Callable[[ModuleType], None]:
    return lambda module: vars(module).update({one.__name__: one for one in classes})


# What plugins say of themselves stays theirs: which they are, and where they are kept.
_persistence = [name for name in _methods(_PersistenceSerializationMixin) if name not in ("plugin_id", "_cache_folder")]
_replacement = Replacement(
    patched={
        _MIXIN: _patch(_PluginsManagerMixin, _methods(_PluginsManagerMixin)),
        _MANAGER: _patch(Manager, ["_get_module_name_and_class"]),
        _PERSISTENCE: _patch(_PersistenceSerializationMixin, _persistence),
    },
    missing={
        "ratio1": _fill(_PluginsManagerMixin),
        _MIXIN: _fill(_PluginsManagerMixin),
        _MANAGER: _fill(Manager),
        _PERSISTENCE: _fill(_PersistenceSerializationMixin),
    },
)


def install(*, profile: str = "3.5", safety: str = "strict", allowed_digests: Iterable[str] = ()) -> None:
    """Puts it where programs look for the originals. A second time changes only the rules.

    - `profile`: the version of ratio1 whose shapes to have: `"3.5"`. Default: `"3.5"`.
    - `safety`: by which rules plugins of users are judged where callers ask for it: `"strict"`, or `"ratio1"`, which
      decides as the original's checker does, with all that it misses. On a node that is not secured, what is found is
      reported and accepted, in both. Default: `"strict"`.
    - `allowed_digests`: BLAKE3 digests of sources, as `b3sum` prints them, that somebody has read and vouches for: they
      are allowed whatever is found. Default: none.
    """
    if profile not in PROFILES:
        known = ", ".join(f"{name!r} ({what})" for name, what in PROFILES.items())
        raise ConfigError(f"profile {profile!r} is not known: expected one of {known}")
    _judging.choose(safety, allowed_digests)
    _replacement.install()


def uninstall() -> None:
    """Puts the originals back. Plugins that are loaded stay so."""
    _replacement.uninstall()
    _judging.choose("strict")
