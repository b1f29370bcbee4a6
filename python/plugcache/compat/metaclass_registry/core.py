"""`AutoRegisterMeta`: classes register themselves, under a key of their own, when they are made."""

from __future__ import annotations

import logging
import sys
from abc import ABCMeta
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from enum import Enum, EnumMeta
from typing import Any

from . import _profile
from ._configure import derive_name, infer_scope, inherited_config, settings_of
from ._keys import (
    DECLARATION_TOKEN as _DECLARATION_TOKEN,
    DERIVED_KEY_MARKER as _DERIVED_KEY_MARKER,
    REPLACES_REGISTERED_ATTRIBUTE,
    describe as _describe,
    is_same_declaration,
    register_once,
)
from ._mappings import LazyDiscoveryDict
from ._secondary import SecondaryRegistryDict
from .cache import (
    CacheConfig,
    RegistryCacheManager,
    deserialize_plugin_class,
    get_package_file_mtimes,
    serialize_plugin_class,
)
from .discovery import (
    discover_registry_classes,
    discover_registry_classes_recursive,
    import_module_preserving_root_logging,
)
from .exceptions import DiscoveryError, DuplicateRegistryKeyError

logger = logging.getLogger("metaclass_registry.core")

RegistryKey = Hashable
RegistryDict = dict[Any, Any]
KeyExtractor = Callable[[str, type], Any]

#: Says that a secondary registry goes by the primary one's keys.
PRIMARY_KEY = "primary"

__all__ = [
    "PRIMARY_KEY",
    "REPLACES_REGISTERED_ATTRIBUTE",
    "AutoRegisterMeta",
    "CacheConfig",
    "DiscoveryError",
    "DuplicateRegistryKeyError",
    "KeyExtractor",
    "LazyDiscoveryDict",
    "RegisteredEnumMeta",
    "RegistryCacheManager",
    "RegistryConfig",
    "RegistryDict",
    "RegistryFamily",
    "RegistryKey",
    "RegistryKeyAttribute",
    "SecondaryRegistry",
    "SecondaryRegistryDict",
    "deserialize_plugin_class",
    "discover_registry_classes",
    "discover_registry_classes_recursive",
    "extract_key_from_backend_suffix",
    "extract_key_from_class_name",
    "extract_key_from_handler_suffix",
    "get_package_file_mtimes",
    "import_module_preserving_root_logging",
    "is_same_declaration",
    "make_suffix_extractor",
    "register_once",
    "serialize_plugin_class",
]


class RegistryKeyAttribute(str, Enum):
    """Class attributes that are often keys."""

    REGISTRY_KEY = "registry_key"
    STRATEGY_KEY = "strategy_key"
    STRATEGY_LABEL = "strategy_label"
    VALUE_TYPE_LABEL = "value_type_label"
    LAYOUT_KEY = "layout_key"


@dataclass(frozen=True)
class SecondaryRegistry:
    """Another registry that members are put into.

    - `registry_dict`: where to.
    - `key_source`: `PRIMARY_KEY`, or the class attribute that is the key there.
    - `attr_name`: the class attribute whose value is put there; a member without it is not.
    """

    registry_dict: RegistryDict
    key_source: str
    attr_name: str


@dataclass(frozen=True)
class RegistryFamily:
    """What the root of a family says of it: the key attribute, whether members may have no key, what it is called."""

    key_attribute: str | RegistryKeyAttribute
    skip_if_no_key: bool = True
    registry_name: str | None = None

    @property
    def key_attribute_name(self) -> str:
        """The key attribute as text."""
        attribute = self.key_attribute
        return attribute.value if isinstance(attribute, RegistryKeyAttribute) else attribute

    def apply_to_class(self, cls: type, explicit_attrs: dict[str, Any]) -> None:
        """Sets the attributes that say the same, unless the class's body has them."""
        told = {
            "__registry_key__": self.key_attribute_name,
            "__skip_if_no_key__": self.skip_if_no_key,
            "__registry_name__": self.registry_name,
        }
        for name, value in told.items():
            if value is not None and name not in explicit_attrs:
                setattr(cls, name, value)


@dataclass(frozen=True)
class RegistryConfig:
    """How classes of a family register.

    - `registry_dict`: where.
    - `key_attribute`: the class attribute that is the key.
    - `key_extractor`: makes a key for a class without one, from its name and itself. Default: none.
    - `skip_if_no_key`: a class without a key is left out; else it is a `ValueError`. Default: an error.
    - `secondary_registries`: more that members are put into. Default: none.
    - `log_registration`: tell of each at level debug. Default: yes.
    - `registry_name`: what the family is called in messages. Default: `"plugin"`.
    - `discovery_package`: the package or module where members are. Default: none; in profile 0.1 that of the root.
    - `discovery_recursive`: look into packages inside, too. Default: no; in profile 0.1 if there are any.
    - `discovery_function`: called with the package's path, its name with a dot, and the root, instead of discovery's
      own functions. Default: none.
    """

    registry_dict: RegistryDict
    key_attribute: str
    key_extractor: KeyExtractor | None = None
    skip_if_no_key: bool = False
    secondary_registries: list[SecondaryRegistry] | None = None
    log_registration: bool = True
    registry_name: str = "plugin"
    discovery_package: str | None = None
    discovery_recursive: bool = False
    discovery_function: Callable[..., Any] | None = None


class AutoRegisterMeta(ABCMeta):
    """The metaclass of families whose members register themselves.

    A class registers if it has bases, no abstract methods that are left, and a key. The family's settings are those of
    `registry_config`, of `__registry_config__`, or of attributes of the root: `__registry_key__` (or
    `__registry_family__`), `__key_extractor__`, `__skip_if_no_key__`, `__secondary_registries__`, `__registry_name__`,
    and `__registry__`, which is made if there is none.
    """

    def __new__(
        mcs: type[AutoRegisterMeta],
        name: str,
        bases: tuple[type, ...],
        attrs: dict[str, Any],
        registry_config: RegistryConfig | None = None,
        **class_kwargs: Any,
    ) -> Any:
        declared = attrs.get("__registry_config__")
        config = inherited_config(RegistryConfig, name, bases, declared, registry_config)
        new_class: type = super().__new__(mcs, name, bases, attrs, **class_kwargs)
        family = attrs.get("__registry_family__")
        if isinstance(family, RegistryFamily):
            family.apply_to_class(new_class, attrs)
        if declared is not None:
            if "__registry__" in attrs and attrs["__registry__"] is not declared.registry_dict:
                raise ValueError(f"{name}.__registry__ must be the registry owned by {name}.__registry_config__")
            new_class.__registry__ = declared.registry_dict  # type: ignore[attr-defined]
        if config is None:
            config = mcs._auto_configure_registry(new_class, attrs)
            if config is None:
                mcs._reject_replacement_without_registration(new_class, attrs, "it belongs to no registry")
                return new_class
        registry = config.registry_dict
        if isinstance(registry, LazyDiscoveryDict) and registry._config is None:
            config = _with_wrapped_secondaries(new_class, infer_scope(new_class, config))
            registry._set_config(new_class, config)
        mcs._register(new_class, name, bases, attrs, config)
        return new_class

    @classmethod
    def _register(
        mcs, new_class: type, name: str, bases: tuple[type, ...], attrs: dict[str, Any], config: RegistryConfig
    ) -> None:
        if not bases or getattr(new_class, "__abstractmethods__", None):
            reason = "it is abstract and does not register"
            mcs._reject_replacement_without_registration(new_class, attrs, reason)
            return
        key = mcs._get_registration_key(name, new_class, config)
        if key is None:
            mcs._reject_replacement_without_registration(new_class, attrs, "it has no registry key")
            mcs._handle_missing_key(name, config, new_class)
            return
        replaces = attrs.get(REPLACES_REGISTERED_ATTRIBUTE)
        if replaces is not None and not isinstance(replaces, type):
            raise TypeError(
                f"{_describe(new_class)} declares {REPLACES_REGISTERED_ATTRIBUTE} = {replaces!r}: it must be the "
                "registered class that this one replaces"
            )
        superseded = mcs._register_class(new_class, key, config, replaces)
        if config.secondary_registries:
            mcs._register_secondary(new_class, key, config.secondary_registries, superseded)
        if config.log_registration:
            logger.debug("registered %s as %r, %s", name, key, config.registry_name)

    @staticmethod
    def _get_registration_key(name: str, cls: type, config: RegistryConfig) -> Any:
        """A class's key: its attribute, or what the extractor makes of it; None if it has none."""
        attribute, extractor = config.key_attribute, config.key_extractor
        key = getattr(cls, attribute, None)
        if key is not None and extractor is not None and _profile.current().derives_own_keys:
            # What was derived for a parent is the parent's.
            owner = next((one for one in cls.__mro__ if attribute in vars(one)), None)
            if owner is not None and owner is not cls and vars(owner).get(_DERIVED_KEY_MARKER, False):
                key = None
        if key is None:
            if extractor is None:
                return None
            key = extractor(name, cls)
            if key is not None:
                setattr(cls, _DERIVED_KEY_MARKER, True)
            return key
        try:
            hash(key)
        except TypeError:
            raise TypeError(f"the registry key {key!r} of {cls.__name__} is not hashable") from None
        return key

    @staticmethod
    def _handle_missing_key(name: str, config: RegistryConfig, new_class: type) -> type:
        if not config.skip_if_no_key:
            raise ValueError(
                f"Class {name} must have {config.key_attribute} attribute, or its registry a key_extractor"
            )
        if config.log_registration:
            logger.debug("%s is not registered: it has no %s", name, config.key_attribute)
        return new_class

    @classmethod
    def _auto_configure_registry(mcs, new_class: type, attrs: dict[str, Any]) -> RegistryConfig | None:
        """The family's settings from attributes of the metaclass, of a parent, or of the class's own body."""
        told = settings_of(mcs, new_class, attrs, RegistryFamily, LazyDiscoveryDict)
        if told is None:
            return None
        if not isinstance(told.key_attribute, str):
            raise TypeError(f"the registry key attribute of {new_class.__name__} must be text: {told.key_attribute!r}")
        return RegistryConfig(
            registry_dict=told.registry,
            key_attribute=told.key_attribute,
            key_extractor=told.key_extractor,
            skip_if_no_key=told.skip_if_no_key,
            secondary_registries=told.secondary_registries,
            registry_name=told.registry_name or derive_name(new_class),
        )

    @staticmethod
    def _reject_replacement_without_registration(cls: type, attrs: dict[str, Any], reason: str) -> None:
        replaces = attrs.get(REPLACES_REGISTERED_ATTRIBUTE)
        if replaces is not None and _profile.current().refuses_duplicates:
            raise DuplicateRegistryKeyError(
                f"{_describe(cls)} declares {REPLACES_REGISTERED_ATTRIBUTE} = {_describe(replaces)}, but {reason}"
            )

    @staticmethod
    def _register_class(cls: type, key: Any, config: RegistryConfig, replaces: object = None) -> type | None:
        """Puts a class into the registry; returns the one that it replaced."""
        superseded: type | None
        if _profile.current().refuses_duplicates:
            superseded = register_once(
                config.registry_dict, key, cls, registry_name=config.registry_name, replaces=replaces
            )
        else:
            superseded = dict.get(config.registry_dict, key)
            config.registry_dict[key] = cls
        setattr(cls, config.key_attribute, key)
        if _DECLARATION_TOKEN not in vars(cls):
            setattr(cls, _DECLARATION_TOKEN, object())
        return superseded

    @staticmethod
    def _register_secondary(
        cls: type, primary_key: Any, secondary_registries: list[SecondaryRegistry], superseded: type | None = None
    ) -> None:
        for secondary in secondary_registries:
            value = getattr(cls, secondary.attr_name, None)
            if value is None:
                continue
            key = primary_key if secondary.key_source == PRIMARY_KEY else getattr(cls, secondary.key_source, None)
            if key is None:
                logger.warning(
                    "%s of %s is not registered: it has no %s", secondary.attr_name, cls.__name__, secondary.key_source
                )
                continue
            try:
                hash(key)
            except TypeError:
                raise TypeError(f"the secondary registry key {key!r} of {cls.__name__} is not hashable") from None
            if not _profile.current().refuses_duplicates:
                secondary.registry_dict[key] = value
                _mirror(secondary.registry_dict, key, value)
                continue
            old = None if superseded is None else getattr(superseded, secondary.attr_name, None)
            register_once(
                secondary.registry_dict,
                key,
                value,
                registry_name=f"{secondary.attr_name} (secondary registry of {cls.__name__})",
                superseded_values=() if old is None else (old,),
            )
            _mirror(secondary.registry_dict, key, value)


#: For plain secondary registries, by identity, those that stand in for them; they keep the plain ones alive.
_stand_ins: dict[int, SecondaryRegistryDict] = {}


def _mirror(plain: RegistryDict, key: Any, value: Any) -> None:
    stand_in = _stand_ins.get(id(plain))
    if stand_in is not None:
        dict.__setitem__(stand_in, key, value)


def _with_wrapped_secondaries(root: type, config: RegistryConfig) -> RegistryConfig:
    """Plain secondary registries become ones that have members imported first, in the root's module, too."""
    if not config.secondary_registries:
        return config
    names = vars(sys.modules[root.__module__]) if root.__module__ in sys.modules else {}
    wrapped = []
    for secondary in config.secondary_registries:
        plain = secondary.registry_dict
        if isinstance(plain, SecondaryRegistryDict) or not isinstance(plain, dict):
            wrapped.append(secondary)
            continue
        lazy = SecondaryRegistryDict(config.registry_dict)  # type: ignore[arg-type]
        dict.update(lazy, plain)
        lazy._plain = plain
        _stand_ins[id(plain)] = lazy
        name = next((name for name, value in names.items() if value is plain), None)
        if name is not None:
            setattr(sys.modules[root.__module__], name, lazy)
        wrapped.append(replace(secondary, registry_dict=lazy))
    return replace(config, secondary_registries=wrapped)


class RegisteredEnumMeta(AutoRegisterMeta, EnumMeta):
    """The same for families of enumerations."""


def _of_the_name_alone(extractor: KeyExtractor) -> KeyExtractor:
    """Marks an extractor that looks at the class's name only: keys are then known without the class."""
    extractor._is_of_the_name_alone = True  # type: ignore[attr-defined]
    return extractor


@_of_the_name_alone
def extract_key_from_class_name(name: str, cls: type) -> str:
    """The class's name is its key."""
    return name


def make_suffix_extractor(suffix: str) -> KeyExtractor:
    """A function that makes a key of a class's name: without the suffix, in lower case."""

    def extract(name: str, cls: type) -> str:
        return name.removesuffix(suffix).lower() if suffix else name.lower()

    return _of_the_name_alone(extract)


extract_key_from_handler_suffix = make_suffix_extractor("Handler")
extract_key_from_backend_suffix = make_suffix_extractor("Backend")
