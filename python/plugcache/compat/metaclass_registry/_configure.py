"""Where a family's settings come from: the metaclass, a parent, the root's own body."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from .core import RegistryConfig


class Settings(NamedTuple):
    """What attributes say of a family."""

    registry: Any
    key_attribute: Any
    key_extractor: Any
    skip_if_no_key: Any
    secondary_registries: Any
    registry_name: Any


def inherited_config(
    kind: type[RegistryConfig],
    name: str,
    bases: tuple[type, ...],
    declared: Any,
    given: RegistryConfig | None,
) -> RegistryConfig | None:
    """The configuration object in force for a class: its own, that given, or the one that its bases have."""
    if declared is not None:
        if not isinstance(declared, kind):
            raise TypeError(f"{name}.__registry_config__ must be a RegistryConfig, not {type(declared).__name__}")
        if given is not None and given is not declared:
            raise ValueError(f"{name} has two registry configurations: one in its body, and one that was given")
        return declared
    if given is not None:
        return given
    found: list[RegistryConfig] = []
    for base in bases:
        config = getattr(base, "__registry_config__", None)
        if isinstance(config, kind) and all(config is not one for one in found):
            found.append(config)
    if len(found) > 1:
        raise TypeError(f"{name} inherits multiple registry configuration objects: derive from one family")
    return found[0] if found else None


def settings_of(
    metaclass: Any, new_class: type, attrs: dict[str, Any], family_kind: Any, registry_kind: Callable[[], Any]
) -> Settings | None:
    """What attributes say; None: nothing. Makes the root's registry, if there is none."""
    registry = getattr(metaclass, "__registry_dict__", None)
    if registry is not None:
        key = getattr(metaclass, "__registry_key__", "_registry_key")
        return _of(metaclass, registry, key)
    for base in new_class.__mro__[1:]:
        if hasattr(base, "__registry__"):
            return _of(base, base.__registry__, getattr(base, "__registry_key__", None))
    family = attrs.get("__registry_family__")
    family = family if isinstance(family, family_kind) else None
    key, holder = attrs.get("__registry_key__"), None
    if key is None and family is not None:
        key = family.key_attribute_name
    if key is None and not _profile.current().infers_package:
        parents = new_class.__mro__[1:]
        holder = next((one for one in parents if getattr(one, "__registry_key__", None) is not None), None)
        key = getattr(holder, "__registry_key__", None)
    if key is None:
        return None
    if "__registry__" in attrs:
        registry = attrs["__registry__"]
    else:
        registry = registry_kind()
        new_class.__registry__ = registry  # type: ignore[attr-defined]

    def told(name: str, of_family: Any, default: Any) -> Any:
        if name in attrs:
            return attrs[name]
        return getattr(holder, name, default) if of_family is None else of_family

    return Settings(
        registry,
        key,
        told("__key_extractor__", None, None),
        told("__skip_if_no_key__", family.skip_if_no_key if family else None, True),
        told("__secondary_registries__", None, None),
        told("__registry_name__", family.registry_name if family else None, None),
    )


def _of(owner: Any, registry: Any, key: Any) -> Settings:
    return Settings(
        registry,
        key,
        getattr(owner, "__key_extractor__", None),
        getattr(owner, "__skip_if_no_key__", True),
        getattr(owner, "__secondary_registries__", None),
        getattr(owner, "__registry_name__", None),
    )


def derive_name(new_class: type) -> str:
    """What a family is called if nothing says so: from the name of the class that owns the registry."""
    owner = next((one for one in new_class.__mro__ if "__registry__" in vars(one)), new_class)
    name = owner.__name__
    for ending in ("Base", "Meta", "Handler", "Registry"):
        if name.endswith(ending):
            name = name[: -len(ending)]
            break
    return re.sub(r"([A-Z])", r" \1", name).strip().lower()


def infer_scope(root: type, config: RegistryConfig) -> RegistryConfig:
    """Profile 0.1: a registry without a package is looked for beside its root; with packages inside, in those, too.

    Nothing is imported for that.
    """
    if not _profile.current().infers_package:
        return config
    from dataclasses import replace

    package = config.discovery_package
    if package is None:
        module = root.__module__
        package = module.rpartition(".")[0] or module
        config = replace(config, discovery_package=package)
    if not config.discovery_recursive and _has_packages(package):
        config = replace(config, discovery_recursive=True)
    return config


def _has_packages(package: str) -> bool:
    loaded = sys.modules.get(package)
    places = getattr(loaded, "__path__", None)
    if loaded is None:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError, AttributeError):
            spec = None
        places = spec.submodule_search_locations if spec is not None else None
    for place in places or ():
        try:
            if any(os.path.exists(os.path.join(place, name, "__init__.py")) for name in os.listdir(place)):
                return True
        except OSError:
            continue
    return False
