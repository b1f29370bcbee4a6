"""Families whose members are chosen: by a member of an enumeration, by the type of a value, by a context."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Generic, TypeGuard, TypeVar, cast

from .core import (
    AutoRegisterMeta,
    LazyDiscoveryDict,
    RegistryConfig,
    RegistryFamily,
    RegistryKeyAttribute,
    extract_key_from_class_name,
)

E = TypeVar("E", bound=Enum)
M = TypeVar("M")
Context = TypeVar("Context")
F = TypeVar("F", bound=Callable[..., Any])

NominalTypeMember = type[Any] | tuple[type[Any], ...]
ContextStrategyTypes = tuple[type[Any], ...]

_views: list[Callable[[], None]] = []


def _view(function: F) -> F:
    """Keeps what a method makes of the registry, until the next member is declared."""
    kept = functools.cache(function)
    _views.append(kept.cache_clear)
    return cast("F", kept)


def forget_views() -> None:
    """Forgets what was made of registries: they have changed."""
    for forget in _views:
        forget()


class RegisteredStrategyTypesMixin(Generic[M]):
    """A registry's members as classes."""

    __registry__: ClassVar[Mapping[Any, type[Any]]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forget_views()

    @classmethod
    @_view
    def registered_strategy_types(cls) -> tuple[type[Any], ...]:
        """All members, each once."""
        return tuple(dict.fromkeys(cls.__registry__.values()))


def enum_key_from_class(name: str, cls: type[EnumKeyedStrategyMixin[Any]]) -> Hashable | None:
    """The value of the enumeration's member that a class's own body names; None if it names none."""
    member = vars(cls).get(cls.__enum_member_attr__)
    return cast("Hashable", member.value) if isinstance(member, Enum) else None


class StrategyLabelRegistryMixin:
    """Makes a root's registry go by `strategy_label`."""

    __registry_key__ = RegistryKeyAttribute.STRATEGY_LABEL.value
    __skip_if_no_key__ = True
    __registry_family__ = RegistryFamily(RegistryKeyAttribute.STRATEGY_LABEL)
    strategy_label: ClassVar[str | None] = None


class EnumKeyedStrategyMixin(Generic[E]):
    """Members stand for members of an enumeration, which their attribute `__enum_member_attr__` names; the key is
    that one's value. A root derives from this and has `AutoRegisterMeta` as its metaclass."""

    __registry_key__ = RegistryKeyAttribute.STRATEGY_LABEL.value
    __skip_if_no_key__ = True
    __registry_family__ = RegistryFamily(RegistryKeyAttribute.STRATEGY_LABEL)
    __enum_member_attr__: ClassVar[str] = "strategy_key"
    __registry__: ClassVar[Mapping[Any, type[Any]]]
    __key_extractor__: ClassVar[Any]
    strategy_label: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        forget_views()
        if "__key_extractor__" not in vars(cls):
            cls.__key_extractor__ = staticmethod(enum_key_from_class)

    @classmethod
    def for_enum_member(cls, member: Any) -> Any:
        """An instance of the class that stands for a member; `KeyError` if none does."""
        return cls.strategy_type_for_enum_member(member)()

    @classmethod
    @_view
    def strategy_type_for_enum_member(cls, member: Any) -> type[Any]:
        """The class that stands for a member of the enumeration; `KeyError` if none does."""
        return cls.__registry__[member.value]

    @classmethod
    @_view
    def registered_strategy_types(cls) -> tuple[type[Any], ...]:
        """One class for each member of the enumeration."""
        found: dict[Any, type[Any]] = {}
        for one in cls.__registry__.values():
            member = vars(one).get(cls.__enum_member_attr__)
            found.setdefault((type(member), member) if isinstance(member, Enum) else id(one), one)
        return tuple(found.values())


class NominalTypeKeyedStrategyMixin(RegisteredStrategyTypesMixin[M]):
    """Members stand for types of values, which they name as `value_type`: one type, or a tuple of them. The key,
    `value_type_label`, is made of the types' names."""

    value_type: ClassVar[NominalTypeMember | None] = None
    value_type_label: ClassVar[str | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _is_nominal(cls.value_type) and vars(cls).get("value_type_label") is None:
            cls.value_type_label = _label(cls.value_type)

    @classmethod
    def for_nominal_value(cls, value: object) -> Any | None:
        """An instance of the member that is nearest to a value's type; None if none fits."""
        found = cls.strategy_types_for_nominal_value(value)
        return found[0]() if found else None

    @classmethod
    def require_nominal_value(cls, value: object, *, context: str) -> Any:
        """The same; `TypeError` if none fits."""
        found = cls.for_nominal_value(value)
        if found is None:
            kind = type(value)
            raise TypeError(f"{context} has no registered nominal strategy for {kind.__module__}.{kind.__qualname__}")
        return found

    @classmethod
    def strategy_types_for_nominal_value(cls, value: object) -> tuple[type[Any], ...]:
        """Members that fit a value, the nearest to its type first."""
        return cls.strategy_types_for_nominal_type(type(value))

    @classmethod
    @_view
    def strategy_types_for_nominal_type(cls, value_type: type[Any]) -> tuple[type[Any], ...]:
        """Members that fit a type, the nearest first."""
        return cls.order_nominal_strategy_members(value_type, cls.nominal_strategy_members())

    @classmethod
    def nominal_strategy_members(cls) -> Iterable[tuple[type[Any], NominalTypeMember | None]]:
        """Members, each with the type that it stands for."""
        return ((one, one.value_type) for one in cls.registered_strategy_types())

    @classmethod
    def order_nominal_strategy_members(
        cls, value_type: type[Any], members: Iterable[tuple[type[Any], NominalTypeMember | None]]
    ) -> tuple[type[Any], ...]:
        """Of those members the ones that fit a type, the nearest first."""
        order = value_type.mro()
        fitting = [
            (cls.nominal_type_distance(order, kind), one)
            for one, kind in members
            if _is_nominal(kind) and issubclass(value_type, kind)
        ]
        return tuple(one for _, one in sorted(fitting, key=lambda pair: pair[0]))

    @staticmethod
    def nominal_type_distance(value_mro: list[type[Any]], member: NominalTypeMember) -> int:
        """How far a type is along the order of another's parents; the order's length if it is not in there."""
        if isinstance(member, tuple):
            return min(NominalTypeKeyedStrategyMixin.nominal_type_distance(value_mro, one) for one in member)
        return value_mro.index(member) if member in value_mro else len(value_mro)


def _is_nominal(value: object) -> TypeGuard[NominalTypeMember]:
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(one, type) for one in value)
    return isinstance(value, type)


def _label(value: NominalTypeMember) -> str:
    kinds = value if isinstance(value, tuple) else (value,)
    return "|".join(_label(one) if isinstance(one, tuple) else f"{one.__module__}.{one.__qualname__}" for one in kinds)


class NominalTypeStrategyFamilyMixin(NominalTypeKeyedStrategyMixin[Any]):
    """The same with a root's settings in it."""

    __registry_key__ = RegistryKeyAttribute.VALUE_TYPE_LABEL.value
    __skip_if_no_key__ = True
    __registry_family__ = RegistryFamily(RegistryKeyAttribute.VALUE_TYPE_LABEL)
    value_type: ClassVar[NominalTypeMember | None] = None
    value_type_label: ClassVar[str | None] = None


class MostDerivedContextStrategyMeta(AutoRegisterMeta):
    """Gives each family of context strategies, which starts with a class directly below a template, a registry."""

    REGISTRY_KEY = "strategy_key"
    FAMILY_ROOT_MARKER = "__most_derived_context_strategy_template__"

    def __new__(
        mcs: type[MostDerivedContextStrategyMeta],
        name: str,
        bases: tuple[type, ...],
        attrs: dict[str, Any],
        registry_config: RegistryConfig | None = None,
        **class_kwargs: Any,
    ) -> Any:
        if any(vars(base).get(mcs.FAMILY_ROOT_MARKER) is True for base in bases):
            key = attrs.get("__registry_key__", mcs.REGISTRY_KEY)
            extractors = [attrs.get("__key_extractor__"), *(getattr(base, "__key_extractor__", None) for base in bases)]
            registry = LazyDiscoveryDict()
            attrs["__registry__"] = registry
            attrs["__registry_key__"] = key
            attrs["__skip_if_no_key__"] = True
            attrs["__registry_family__"] = RegistryFamily(key)
            registry_config = RegistryConfig(
                registry_dict=registry,
                key_attribute=key,
                key_extractor=next((one for one in extractors if one is not None), None),
                skip_if_no_key=True,
                registry_name=f"{name} most-derived context strategy",
            )
        return super().__new__(mcs, name, bases, attrs, registry_config=registry_config, **class_kwargs)


class MostDerivedContextStrategyMixin(
    RegisteredStrategyTypesMixin[Any], Generic[Context], ABC, metaclass=MostDerivedContextStrategyMeta
):
    """Members say themselves whether they match a context; of those that do, the one that is derived furthest is
    taken. A class directly below this one is the root of a family."""

    __registry_key__: ClassVar[str] = "strategy_key"
    __skip_if_no_key__: ClassVar[bool] = True
    __registry_family__ = RegistryFamily("strategy_key")
    __most_derived_context_strategy_template__: ClassVar[bool] = True
    strategy_key: ClassVar[Any | None] = None
    strategy_key_attr: ClassVar[str] = "strategy_key"

    @classmethod
    def for_context(cls, context: Any, *, required: bool = True, error_subject: str | None = None) -> Any | None:
        """An instance of the member for a context. `ValueError` if several are furthest, or, if one is required (the
        default), none matches; else None."""
        found = cls.owning_strategy_types(context)
        subject = cls._error_subject(error_subject)
        if not found:
            if required:
                raise ValueError(f"{subject} requires a matching strategy")
            return None
        if len(found) > 1:
            names = tuple(cls._strategy_name(one) for one in found)
            raise ValueError(f"{subject} requires exactly one most-derived strategy, got {names!r}")
        return found[0].build_for_context(context)

    @classmethod
    def owning_strategy_types(cls, context: Any) -> ContextStrategyTypes:
        """Members that match, without those that another one which matches derives from."""
        found = [one for one in cls.registered_strategy_types() if one.matches_context(context)]
        return tuple(
            one for one in found if not any(other is not one and issubclass(other, one) for other in found)
        )

    @classmethod
    def _error_subject(cls, explicit_subject: str | None) -> str:
        return explicit_subject or cls.__name__

    @classmethod
    def _strategy_name(cls, strategy_type: type[Any]) -> object:
        return vars(strategy_type).get(cls.strategy_key_attr, strategy_type.__name__)

    @classmethod
    def build_for_context(cls, context: Any) -> Any:
        """An instance, after the class was chosen."""
        return cls()

    @classmethod
    def matches_context(cls, context: Any) -> bool:
        """Whether the class is for a context."""
        return cls().matches(context)

    @abstractmethod
    def matches(self, context: Context) -> bool:
        """Whether the member is for a context."""


class AlwaysMatchesContextMixin(Generic[Context]):
    """For the member that is taken if no other is."""

    def matches(self, context: Context) -> bool:
        """Yes."""
        return True


class RegisteredLeafClassSpec(ABC, metaclass=AutoRegisterMeta):
    """What a class is made from, for classes that are made by the program."""

    __registry_family__ = RegistryFamily("declaration_key")
    __key_extractor__ = staticmethod(extract_key_from_class_name)

    declaration_key: ClassVar[str | None] = None
    class_name: str
    base_type: type[Any]

    @abstractmethod
    def class_attributes(self) -> Mapping[str, object]:
        """The class's attributes."""

    def declare_in(self, namespace: MutableMapping[str, object]) -> type[Any]:
        """Makes the class, puts it into a module's namespace under its name, and returns it."""
        module = namespace.get("__name__", self.base_type.__module__)
        made: type[Any] = type(
            self.class_name, (self.base_type,), {"__module__": module, **dict(self.class_attributes())}
        )
        namespace[self.class_name] = made
        return made


@dataclass(frozen=True, slots=True)
class GeneratedLeafClassSpec(RegisteredLeafClassSpec):
    """The same with name, base and attributes given."""

    class_name: str
    base_type: type[Any]
    attributes: Mapping[str, object] = field(default_factory=dict, kw_only=True)

    def class_attributes(self) -> Mapping[str, object]:
        """The class's attributes."""
        return self.attributes


def enum_member_with_payload(enum_type: type[Any], value: object, *, payload_attribute: str, payload: object) -> Any:
    """A member for the `__new__` of an enumeration, with a value and one more attribute."""
    member = object.__new__(enum_type)
    member._value_ = value
    setattr(member, payload_attribute, payload)
    return member


def str_enum_member_with_payload(enum_type: type[Any], value: str, *, payload_attribute: str, payload: object) -> Any:
    """The same for an enumeration of texts."""
    member = str.__new__(enum_type, value)
    member._value_ = value
    setattr(member, payload_attribute, payload)
    return member
