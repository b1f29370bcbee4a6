"""metaclass-registry, over plugcache: classes that register themselves, listed without being imported.

    import plugcache.compat.metaclass_registry as compat
    compat.install()                      # stands for version 0.4; profile="0.1" for the first

    from metaclass_registry import AutoRegisterMeta, LazyDiscoveryDict, RegistryConfig     # as before

    HANDLERS = LazyDiscoveryDict()

    class Handler(metaclass=AutoRegisterMeta):
        __registry_config__ = RegistryConfig(
            registry_dict=HANDLERS, key_attribute="kind", discovery_package="app.handlers", skip_if_no_key=True)
        kind = None

    list(HANDLERS)         # keys: nothing is imported
    HANDLERS["tiff"]       # imports the one module that defines it
    HANDLERS.values()      # imports one after the other as it is iterated

The two versions contradict each other, so there are two profiles. In `"0.1"`, the package to discover is inferred from
the root's module, a second class under one key takes it, and what cannot be imported is logged and left out. In
`"0.4"`, discovery is declared, a second class is a `DuplicateRegistryKeyError`, and what cannot be imported is raised,
when it is asked for or after all others.

**When listing imports nothing.** A registry's keys are told from source if nothing leaves room for another answer than
importing would give. All of this must hold for every module that is not loaded yet and that discovery would import,
itself or on the way:

- Members are class statements that run without condition, once for each name, and are not hidden later; with no
  keywords, and no decorators but `dataclass` and its like. Parents of all classes are written down: members, other
  classes of the same packages, or what is imported from elsewhere; a member's parents from elsewhere are loaded.
- None of a member's parents has a hook (`__init_subclass__`) or a metaclass other than `AutoRegisterMeta`, and no
  member's body changes the family's settings. Whether abstract methods are left can be told.
- Keys are constants (any that Python can write, or names that lead to values of loaded modules, such as a member of an
  enumeration), the class's own name, or made by an extractor of this package that looks at the name alone.
- Nothing that runs at import gives a member or a registry to a call that may do something with it, calls a method of
  one, writes into a registry, makes classes by calling `type` and the like, runs text, raises, or assigns the key
  attribute or an abstract method later. Functions that are called are followed, and those that they call, within the
  topmost packages of the root and of the discovered package.
- No two members have one key, and none has the key of a class that is registered.

Else the package is imported as the original does it: right before fast. So it is for `discovery_function`, for a
`key_extractor` of the program's own, for roots that a function makes, with `LazyDiscoveryDict(enable_cache=False)`, and
with `OPENHCS_DISABLE_REGISTRY_CACHE=1`. `why_imported(registry)` says the reason.

Three things are beyond this, and are seen only once they were imported: what a distribution of another name registers
by itself; a member that is reached through `gc`, `sys.modules` or `__subclasses__` and never by a name; and what a method
of an object whose class cannot be told calls in turn of more such objects (the method itself is found by its name, and
followed). Whatever registers in any such way is listed from then on.

A member whose module cannot be imported is listed (in profile 0.1 not if it is known that something it imports is not
there), and its error is told when it is used; the next use tries again. Modules without members are not imported. Keys
come in the order of modules and lines; where modules import each other, importing may register in another one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..._errors import ConfigError
from . import _profile

if TYPE_CHECKING:
    from types import ModuleType

#: What each version's package has, by submodule.
_COMMON = {
    "core": (
        "AutoRegisterMeta",
        "RegistryConfig",
        "PRIMARY_KEY",
        "SecondaryRegistry",
        "LazyDiscoveryDict",
        "SecondaryRegistryDict",
        "extract_key_from_handler_suffix",
        "extract_key_from_backend_suffix",
        "make_suffix_extractor",
    ),
    "discovery": ("discover_registry_classes", "discover_registry_classes_recursive"),
    "cache": ("RegistryCacheManager",),
    "exceptions": ("RegistryError", "DiscoveryError", "CacheError"),
}
_LATER = {
    "core": (
        "RegistryFamily",
        "RegistryKeyAttribute",
        "RegisteredEnumMeta",
        "REPLACES_REGISTERED_ATTRIBUTE",
        "register_once",
        "is_same_declaration",
        "extract_key_from_class_name",
    ),
    "discovery": ("import_module_preserving_root_logging",),
    "exceptions": ("DuplicateRegistryKeyError",),
}
#: Names of submodules that a host may import, too.
_MORE = {
    "cache": (
        "CacheConfig",
        "CacheKeyCodec",
        "deserialize_plugin_class",
        "get_cache_file_path",
        "get_package_file_mtimes",
        "serialize_plugin_class",
    ),
}
_WHERE = {
    name: module for names in (_COMMON, _LATER, _MORE) for module, all_names in names.items() for name in all_names
}
_SUBMODULES = ("_home", "cache", "core", "discovery", "exceptions")
_LATER_SUBMODULES = ("caches", "strategies", "testing")

__all__ = ["install", "why_imported", *_WHERE]

_installed: str | None = None


def install(profile: str = "0.4", name: str = "metaclass_registry") -> ModuleType:
    """Puts this where a program looks for metaclass-registry, and returns the package as it is then imported.

    - `profile`: the version that is stood in for, `"0.4"` or `"0.1"`. One process has one.
    - `name`: under which name. Default: the original's.

    To be called before the program imports the original; `ConfigError` if it has done so, for another profile than
    the one in force, and for one that there is not.
    """
    global _installed
    chosen = _profile.PROFILES.get(profile)
    if chosen is None:
        raise ConfigError(f"profile is {profile!r}: expected one of {', '.join(_profile.PROFILES)}")
    if _installed not in (None, profile):
        raise ConfigError(f"profile {_installed} is in force, and registries were made with it: {profile} is refused")
    loaded = sys.modules.get(name)
    if loaded is not None and not hasattr(loaded, "__plugcache_profile__"):
        raise ConfigError(f"{name} was imported before install(): call install() first, before the program's imports")
    if loaded is not None:
        return loaded
    _profile.choose(chosen)
    _installed = profile
    return _put(name, profile, chosen.version)


def _put(name: str, profile: str, version: str) -> ModuleType:
    import importlib
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    is_later = profile != "0.1"
    package = ModuleType(name, __doc__)
    spec = ModuleSpec(name, None, is_package=True)
    package.__spec__, package.__path__ = spec, []
    tables = (_COMMON, _LATER) if is_later else (_COMMON,)
    names = [one for table in tables for all_names in table.values() for one in all_names]
    vars(package).update(__version__=version, __plugcache_profile__=profile, __all__=names)
    for short in (*_SUBMODULES, *(_LATER_SUBMODULES if is_later else ())):
        module = importlib.import_module(f"{__name__}.{short}")
        setattr(package, short, module)
        sys.modules[f"{name}.{short}"] = module
    for one in names:
        setattr(package, one, getattr(getattr(package, _WHERE[one]), one))
    sys.modules[name] = package
    return package


def why_imported(registry: Any) -> str | None:
    """Why a registry's keys are discovered by importing; None if they are told from source."""
    from .core import LazyDiscoveryDict

    if not isinstance(registry, LazyDiscoveryDict):
        return "it is no LazyDiscoveryDict"
    return registry.why_imported()


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
