"""`Config`: configurations of plugins, from defaults, overrides and rules that a class states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ._errors import ConfigError, ValidationError
from ._plugcache import Schema, Values

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Self

_PREFIX = "cfg_"
#: What a class says, in the class keywords.
_OPTIONS = {"profile": ("strict", "ratio1"), "merge": ("shallow", "deep"), "unknown": ("allow", "deny")}


class Config(Mapping[str, Any]):
    """A configuration: the defaults of its class with overrides, validated. Nobody can change it; what is taken out of
    it is a copy.

        class CameraConfig(pc.Config, unknown="deny"):
            DEFAULTS = {"RATE": 10, "MODE": "fast"}
            VALIDATION_RULES = {
                "RATE": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60},
                "MODE": {"ACCEPTED_VALUES": ["fast", "slow"]},
            }

            def validate_mode_and_rate(self) -> None:
                if self.MODE == "slow" and self.RATE > 30:
                    raise ValueError("slow means at most 30")

        config = CameraConfig({"RATE": 25})
        config["RATE"], config.RATE, config.cfg_rate

    Values are what JSON has: numbers, text, booleans, `None`, lists (tuples become lists) and dictionaries with text as
    keys. A value can be had by its key, as an attribute if the key is a Python name and no method's, and as `cfg_` and
    the key in lower case, with `_` for what cannot stand in a name.

    - `DEFAULTS`: default values. Those of base classes hold where a class says nothing else.
    - `VALIDATION_RULES`: rules by key: `TYPE` (a name of `int`, `float`, `str`, `bool`, `list`, `dict`, `None`, the
      Python type itself, or a list of these), `MIN_VAL` and `MAX_VAL` (both may be reached), `MIN_LEN` and `MAX_LEN`,
      `EXCLUDED_LIST`, `ACCEPTED_VALUES`. A key with a rule has to have a value. A class's own rule for a key replaces
      its base's as a whole. Types are looked up; nothing is evaluated.
    - `JSON_SCHEMA`: a JSON Schema of the whole. Nothing is fetched for it. A class without one has its base's.
    - methods `validate_…(self)`: all of them, own and inherited, are called when the rules are satisfied, by name;
      one that raises `ValueError` (or `AssertionError`), or returns `False` or a text, refuses.

    Class keywords, inherited: `profile="ratio1"` takes what ratio1 takes (a bool is an int, an int a float; the
    default, `"strict"`, does not); `merge="deep"` merges dictionaries into dictionaries (default `"shallow"`: they
    replace); `unknown="deny"` refuses keys that have no default (default `"allow"`).

    Each class is compiled once, by all that it says (assign another dictionary to it rather than changing the one): a
    subclass never gets its base's rules, nor skips its own validators because the base's were run. Errors tell of every
    key that is wrong, with what was expected: `ValidationError`, a `ValueError`, with its `violations`.
    """

    DEFAULTS: ClassVar[Mapping[str, Any]] = {}
    VALIDATION_RULES: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    JSON_SCHEMA: ClassVar[Mapping[str, Any] | None] = None
    _options: ClassVar[dict[str, str]] = {name: known[0] for name, known in _OPTIONS.items()}

    _compiled: ClassVar[tuple[Any, ...]]
    _values: Values

    def __init_subclass__(
        cls,
        *,
        profile: Literal["strict", "ratio1"] | None = None,
        merge: Literal["shallow", "deep"] | None = None,
        unknown: Literal["allow", "deny"] | None = None,
        **others: Any,
    ) -> None:
        super().__init_subclass__(**others)
        said = {"profile": profile, "merge": merge, "unknown": unknown}
        for name, value in said.items():
            if value is not None and value not in _OPTIONS[name]:
                known = " or ".join(repr(one) for one in _OPTIONS[name])
                raise ConfigError(f"{cls.__qualname__}: {name} is {value!r}: expected {known}")
        cls._options = {**cls._options, **{name: value for name, value in said.items() if value is not None}}

    def __init__(self, overrides: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        cls = type(self)
        given = {**({} if overrides is None else _plain(overrides)), **more}
        values, wrong = schema_of(cls).configure(given)
        if values is None:
            raise _refused(cls, wrong)
        object.__setattr__(self, "_values", values)
        wrong = [("", None, told) for told in run_validators(self)]
        if wrong:
            raise _refused(cls, wrong)

    def replace(self, overrides: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """Another one with these values in place of its own, validated as a whole."""
        given = {**self._values.copy(), **({} if overrides is None else _plain(overrides)), **more}
        return type(self)(given)

    def to_dict(self) -> dict[str, Any]:
        """All values, as a dictionary of one's own."""
        return self._values.copy()

    # ---- as a mapping --------------------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values.keys())

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config):
            return type(self) is type(other) and self._values.copy() == other._values.copy()
        return isinstance(other, Mapping) and self._values.copy() == dict(other)

    # What is equal to a dictionary cannot be hashed.
    __hash__ = None  # type: ignore[assignment]

    # ---- as attributes -------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("_values")
        if values is not None and not name.startswith("__"):
            if name in values:
                return values[name]
            if name.startswith(_PREFIX):
                for key in values.keys():
                    if attribute_of(key) == name:
                        return values[key]
        raise AttributeError(f"{type(self).__qualname__} has no {name!r}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a {type(self).__qualname__} cannot be changed: make another one with replace()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__qualname__} cannot be changed: make another one with replace()")

    # ---- copying -------------------------------------------------------------------------------------------------

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._values.copy(),)

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({self._values.copy()!r})"


def attribute_of(key: str) -> str:
    """`cfg_…` for a key."""
    plain = "".join(character if character.isalnum() or character == "_" else "_" for character in key.lower())
    return f"{_PREFIX}{plain}"


def merged(cls: type, name: str) -> dict[str, Any]:
    """A dictionary that classes say, a class's own members before its bases'."""
    found: dict[str, Any] = {}
    for one in reversed(cls.__mro__):
        said = one.__dict__.get(name)
        if said is not None:
            if not isinstance(said, Mapping):
                raise ConfigError(f"{one.__qualname__}.{name} is {said!r}: expected a dictionary")
            found.update(said)
    return found


def schema_of(cls: type[Config]) -> Schema:
    """What a class says, compiled: once, and again if it says something else."""
    said = tuple(
        (one, one.__dict__.get("DEFAULTS"), one.__dict__.get("VALIDATION_RULES"), one.__dict__.get("JSON_SCHEMA"))
        for one in cls.__mro__
    )
    # Of the class itself: what its base was compiled to is no use to it.
    known = cls.__dict__.get("_compiled")
    if known is not None and len(known[0]) == len(said) and all(map(_is_same, known[0], said)):
        schema: Schema = known[1]
        return schema
    made = compile_schema(
        f"{cls.__module__}.{cls.__qualname__}",
        merged(cls, "DEFAULTS"),
        merged(cls, "VALIDATION_RULES"),
        cls.JSON_SCHEMA,
        cls._options,
    )
    cls._compiled = (said, made)
    return made


def compile_schema(
    name: str,
    defaults: Mapping[str, Any],
    rules: Mapping[str, Mapping[str, Any]],
    json_schema: Mapping[str, Any] | None,
    options: Mapping[str, str],
) -> Schema:
    """A schema for what is called `name` in messages."""
    written = {
        key: {**rule, "TYPE": _types(rule["TYPE"])} if isinstance(rule, Mapping) and "TYPE" in rule else rule
        for key, rule in rules.items()
    }
    document = None if json_schema is None else _plain(json_schema)
    return Schema(name, {"defaults": _plain(defaults), "rules": _plain(written), "json_schema": document, **options})


def run_validators(instance: Any) -> list[str]:
    """Calls every method `validate_…` of an instance's class, own and inherited. Returns what they object to."""
    cls = type(instance)
    # By the class that is asked, each time: no list that a base has made before can leave one out.
    names = {name for one in cls.__mro__ for name in one.__dict__ if name.startswith("validate_")}
    wrong: list[str] = []
    for name in sorted(names):
        method = getattr(instance, name, None)
        if not callable(method):
            continue
        try:
            said = method()
        except (ValueError, AssertionError) as error:
            wrong.append(f"{name}: {error}")
            continue
        if isinstance(said, str):
            wrong.append(f"{name}: {said}")
        elif said is False:
            wrong.append(f"{name} refuses")
    return wrong


def _refused(cls: type, wrong: list[tuple[str, Any, str]]) -> ValidationError:
    told = "; ".join(what for _, _, what in wrong)
    error = ValidationError(f"the configuration of {cls.__module__}.{cls.__qualname__} is not valid: {told}")
    error.violations = tuple(wrong)
    return error


def _is_same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(left is right for left, right in zip(one, other, strict=True))


def _types(given: Any) -> Any:
    if isinstance(given, type):
        return "None" if given is type(None) else given.__name__
    if given is None:
        return "None"
    return [_types(one) for one in given] if isinstance(given, (list, tuple)) else given


def _plain(value: Any) -> Any:
    """A mapping of any kind, at any level, as a dictionary."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
