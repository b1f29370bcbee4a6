"""What arguments are as keys that have no form of their own: called by the native half."""

from __future__ import annotations

import sys
from typing import Any

#: Types of the standard library whose `repr` tells everything about a value, and that are loaded already if there is
#: such a value.
_TOLD_BY_REPR = {
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "uuid": ("UUID",),
    "datetime": ("date", "timedelta"),
    "builtins": ("complex", "range"),
    "ipaddress": ("IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"),
}
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")


def _name(kind: type) -> str | None:
    """`module:qualname`, if that leads back to the type: a name in a function stands for many."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    found: object = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return name if found is kind else None


def describe(value: Any) -> tuple[str, tuple[Any, ...]] | None:
    """What a value is and what it holds, in types that are keys by themselves; None: it cannot be a key.

    A value that is equal to another one of the same type must be told in the same way, in every process.
    """
    kind = type(value)
    name = _name(kind)
    if name is None:
        return None
    if kind.__name__ in _TOLD_BY_REPR.get(kind.__module__, ()):
        return name, (repr(value),)
    if kind.__name__ in _PATHS and kind.__module__.split(".")[0] == "pathlib":
        return name, (str(value),)
    if kind.__module__ == "datetime" and kind.__name__ in ("datetime", "time"):
        zone = value.tzinfo
        if zone is not None and type(zone).__module__.split(".")[0] not in ("datetime", "zoneinfo"):
            return None
        return name, (repr(value),)
    enum = sys.modules.get("enum")
    if enum is not None and isinstance(value, enum.Enum):
        # By name, so that two members of one value differ; flags that were combined have a value only.
        known = value._name_ is not None and kind.__members__.get(value._name_) is value
        return name, (value._name_,) if known else (None, value._value_)
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses

        if kind.__hash__ is None:
            return None
        fields = dataclasses.fields(value)
        held: list[Any] = []
        for field in fields:
            held += (field.name, getattr(value, field.name))
        return name, tuple(held)
    if isinstance(value, tuple) and isinstance(getattr(kind, "_fields", None), tuple):
        return name, tuple(value)
    return None
