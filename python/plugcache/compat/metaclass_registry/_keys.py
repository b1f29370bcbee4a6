"""Who may have a key: a registry's key stands for one class, and does not change hands silently (profile 0.4)."""

from __future__ import annotations

from typing import Any

from .exceptions import DuplicateRegistryKeyError

#: Names the class that a class takes its key from; counts in the body of that class alone.
REPLACES_REGISTERED_ATTRIBUTE = "__replaces_registered__"

#: Marks a class whose key was derived for it: subclasses derive their own.
DERIVED_KEY_MARKER = "__registry_key_derived__"

#: An object that a class and its copies share. `dataclass(slots=True)` makes a class again from the first one's
#: namespace, with a qualified name that is not yet right.
DECLARATION_TOKEN = "__registry_declaration__"

_NOTHING: Any = object()


def describe(value: object) -> str:
    """`module.qualname` of what has both; else its `repr`."""
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return repr(value) if module is None or qualname is None else f"{module}.{qualname}"


def is_same_declaration(registered: object, candidate: object) -> bool:
    """Whether two classes come of one class statement, which ran twice or was copied.

    That is so if module and qualified name are equal (a reload, a second call of the function around it), or if one
    was made from the namespace of the other (`dataclass(slots=True)`).
    """
    if not (isinstance(registered, type) and isinstance(candidate, type)):
        return False
    if registered.__module__ != candidate.__module__:
        return False
    if registered.__qualname__ == candidate.__qualname__:
        return True
    token = vars(registered).get(DECLARATION_TOKEN)
    is_copy = token is not None and vars(candidate).get(DECLARATION_TOKEN) is token
    return is_copy and registered.__name__ == candidate.__name__


def register_once(
    registry_dict: dict[Any, Any],
    key: Any,
    value: Any,
    *,
    registry_name: str,
    replaces: object = None,
    superseded_values: tuple[object, ...] = (),
) -> Any:
    """Puts a value under a key, and returns the one that it replaced, or None.

    The key must be free, or held by the value itself, by another class of the same statement, by `replaces`, or by one
    of `superseded_values`; otherwise `DuplicateRegistryKeyError`. If `replaces` is given, it must hold the key.
    """
    held = dict.get(registry_dict, key, _NOTHING)
    if held is value:
        return None
    claim = f"{describe(value)} declares {REPLACES_REGISTERED_ATTRIBUTE} = {describe(replaces)}, but"
    if held is _NOTHING:
        if replaces is not None:
            raise DuplicateRegistryKeyError(f"{claim} the {registry_name} key {key!r} is not registered")
        registry_dict[key] = value
        return None
    may_replace = held is replaces or is_same_declaration(held, value)
    if may_replace or any(held is one for one in superseded_values):
        registry_dict[key] = value
        return held
    if replaces is not None:
        raise DuplicateRegistryKeyError(f"{claim} the {registry_name} key {key!r} is registered to {describe(held)}")
    raise DuplicateRegistryKeyError(
        f"{registry_name} key {key!r} is already registered to {describe(held)}, so {describe(value)} cannot have it: "
        f"give it a key of its own, or say {REPLACES_REGISTERED_ATTRIBUTE} = {getattr(held, '__name__', 'Other')} in "
        "its body if it is to take that one's place"
    )
