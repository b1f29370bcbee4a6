"""`SecondaryRegistryDict`: what members say of themselves, by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._mappings import LazyDiscoveryDict


class SecondaryRegistryDict(dict[Any, Any]):
    """What members of another registry say of themselves: reading it has all of those imported first."""

    def __init__(self, primary_registry: LazyDiscoveryDict) -> None:
        super().__init__()
        self._primary_registry = primary_registry
        #: What it stands in for.
        self._plain: dict[Any, Any] | None = None

    def _ensure_discovered(self) -> None:
        discover = getattr(self._primary_registry, "_discover", None)
        if discover is not None:
            discover()

    def __getitem__(self, key: Any) -> Any:
        self._ensure_discovered()
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._ensure_discovered()
        return super().__contains__(key)

    def __iter__(self) -> Iterator[Any]:
        self._ensure_discovered()
        return super().__iter__()

    def __reversed__(self) -> Iterator[Any]:
        self._ensure_discovered()
        return iter(list(super().__reversed__()))

    def __len__(self) -> int:
        self._ensure_discovered()
        return super().__len__()

    def keys(self) -> Any:
        self._ensure_discovered()
        return super().keys()

    def values(self) -> Any:
        self._ensure_discovered()
        return super().values()

    def items(self) -> Any:
        self._ensure_discovered()
        return super().items()

    def get(self, key: Any, default: Any = None) -> Any:
        self._ensure_discovered()
        return super().get(key, default)

    def pop(self, *arguments: Any) -> Any:
        self._ensure_discovered()
        return super().pop(*arguments)

    def popitem(self) -> tuple[Any, Any]:
        self._ensure_discovered()
        return super().popitem()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        self._ensure_discovered()
        return super().setdefault(key, default)

    def copy(self) -> dict[Any, Any]:
        self._ensure_discovered()
        return dict(super().items())

    def __eq__(self, other: object) -> bool:
        self._ensure_discovered()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        self._ensure_discovered()
        return super().__ne__(other)

    def __or__(self, other: Any) -> Any:
        return self.copy() | dict(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return dict(other) | self.copy() if isinstance(other, Mapping) else NotImplemented

    def __repr__(self) -> str:
        self._ensure_discovered()
        return super().__repr__()
