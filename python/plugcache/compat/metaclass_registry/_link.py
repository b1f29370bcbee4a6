"""From what source says and what is loaded already to the keys that importing would register.

A class that was not imported gets its place in the order of its parents as Python would order them; parents that are
loaded are asked themselves, so that attributes and abstract methods of classes from elsewhere count as they are.
Whatever cannot be told for certain is a `Doubt`, and then the whole registry is discovered by importing.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

#: Classes whose hooks change nothing here.
_TOOLS = ("typing", "abc", "builtins", "typing_extensions", "_typing", "collections.abc", "_collections_abc")

_MISSING: Any = object()


class Doubt(Exception):  # noqa: N818 - it is no error: it says that importing has to tell
    """Why only importing can tell what is registered."""


class Entry(NamedTuple):
    """A member that was not imported yet."""

    module: str
    qualname: str


class Rules(NamedTuple):
    """How a family's members get their keys."""

    key_attribute: str
    #: A function of the class's name alone, or None.
    extractor: Callable[[str, Any], Any] | None
    skip_if_no_key: bool
    #: Whether a module of which something is missing is left out, as if it were not there.
    leaves_out: bool
    #: Whether a key that was derived for a class is not inherited.
    derives_own: bool


def is_loaded(module: str) -> bool:
    """Whether a module's body has run to its end."""
    found = sys.modules.get(module)
    if found is None:
        return False
    spec = getattr(found, "__spec__", None)
    return not getattr(spec, "_initializing", False)


class _Class:
    """A class that was not imported."""

    def __init__(self, name: str, told: dict[str, Any], bases: list[Any]) -> None:
        self.name = name
        self.told = told
        self.bases = bases
        self.order: list[Any] = [self, *_merge([_order(base) for base in bases], bases, name)]
        self.stamped: Any = _MISSING
        self.is_derived = False


def _order(one: Any) -> list[Any]:
    return one.order if isinstance(one, _Class) else list(one.__mro__)


def _merge(orders: list[list[Any]], bases: list[Any], name: str) -> list[Any]:
    """The C3 order of all parents."""
    lists = [list(order) for order in orders] + [list(bases)]
    merged: list[Any] = []
    while any(lists):
        for one in lists:
            if one and not any(one[0] in other[1:] for other in lists):
                head = one[0]
                break
        else:
            raise Doubt(f"{name} has parents that cannot be ordered")
        merged.append(head)
        for one in lists:
            if one and one[0] is head:
                del one[0]
    return merged


class Linker:
    """One family: `told` is what `_survey` says, `root` the class that owns the registry."""

    def __init__(self, told: dict[str, Any], root: type, registry: Any, rules: Rules, metaclass: type) -> None:
        self.told = told
        self.root = root
        self.registry = registry
        self.rules = rules
        self.metaclass = metaclass
        self.known: dict[str, Any] = {}
        self.open: set[str] = set()

    def entries(self) -> dict[Hashable, Entry]:
        """Keys of members whose modules are not loaded, in the order in which importing would meet them."""
        told = self.told
        for module, line, text in told["doubts"]:
            if not is_loaded(module):
                raise Doubt(f"{module}:{line} {text}")
        for module in told["outside"]:
            if not is_loaded(module):
                raise Doubt(f"{module} has members, and is imported on the way")
        if self.rules.key_attribute in told["patched"]:
            raise Doubt(f"{self.rules.key_attribute} is assigned after classes are made")
        found: dict[Hashable, Entry] = {}
        for module, qualname in told["members"]:
            if is_loaded(module) or (self.rules.leaves_out and not self._can_be_imported(module)):
                continue
            key = self._key(f"{module}:{qualname}")
            if key is None:
                continue
            if key in found:
                raise Doubt(f"{module}:{qualname} and {found[key].module}:{found[key].qualname} have one key, {key!r}")
            found[key] = Entry(module, qualname)
        return found

    def _can_be_imported(self, module: str) -> bool:
        return all(_is_there(name) for name in self.told["needs"].get(module, ()))

    # ---- classes -------------------------------------------------------------------------------------------------

    def _class(self, name: str) -> Any:
        if name not in self.known:
            if name in self.open:
                raise Doubt(f"{name} derives from itself")
            self.open.add(name)
            self.known[name] = self._find(name)
        return self.known[name]

    def _find(self, name: str) -> Any:
        module, _, qualname = name.partition(":")
        told = self.told["classes"].get(name)
        if told is not None and not is_loaded(module):
            if told["conditional"] or told["keywords"] or told["decorators"] or told["settings"]:
                raise Doubt(f"{name} is more than a plain class")
            return _Class(name, told, [self._class(base) for base in told["bases"]] or [object])
        found = _loaded(module, qualname)
        # `Generic[T]` and its kind stand in for a class.
        found = getattr(found, "__origin__", found)
        if not isinstance(found, type):
            raise Doubt(f"parent {name or '?'} is not loaded")
        self._check(found)
        return found

    def _check(self, found: type) -> None:
        """Refuses loaded parents that do more when a class is made of them than this can tell."""
        for one in found.__mro__:
            own = vars(one)
            if "__init_subclass__" in own and one.__module__ not in _TOOLS and one is not object:
                raise Doubt(f"{one.__module__}.{one.__qualname__} has an __init_subclass__")
            if type(one) not in (type, ABCMeta, self.metaclass) and one.__module__ not in _TOOLS:
                raise Doubt(f"{one.__module__}.{one.__qualname__} has a metaclass of its own")
        registry = getattr(found, "__registry__", self.registry)
        if registry is not self.registry:
            raise Doubt(f"{found.__qualname__} belongs to another registry")

    # ---- keys ----------------------------------------------------------------------------------------------------

    def _key(self, name: str) -> Hashable | None:
        one = self._class(name)
        if not isinstance(one, _Class):
            raise Doubt(f"{name} was loaded in between")
        if one.stamped is not _MISSING:
            return cast("Hashable | None", one.stamped)
        # Parents in the same files first: what they are registered as is an attribute of theirs.
        for parent in one.order[1:]:
            if isinstance(parent, _Class) and parent.stamped is _MISSING and parent.name in self._members():
                self._key(parent.name)
        key, is_derived = (None, False) if self._abstract(one) else self._find_key(one)
        one.stamped, one.is_derived = key, is_derived
        return key

    def _members(self) -> set[str]:
        return {f"{module}:{qualname}" for module, qualname in self.told["members"]}

    def _find_key(self, one: _Class) -> tuple[Hashable | None, bool]:
        attribute = self.rules.key_attribute
        bare = one.name.rpartition(":")[2].rpartition(".")[2]
        key = self._attribute(one, attribute, bare)
        if key is None and self.rules.extractor is not None:
            return self.rules.extractor(bare, None), True
        if key is None and not self.rules.skip_if_no_key:
            raise Doubt(f"{one.name} has no {attribute}, and must have one")
        try:
            hash(key)
        except TypeError:
            raise Doubt(f"the key of {one.name} cannot be hashed") from None
        return key, False

    def _attribute(self, one: _Class, attribute: str, bare: str) -> Any:
        if attribute == "__name__":
            return bare
        if hasattr(type, attribute) or hasattr(self.metaclass, attribute):
            raise Doubt(f"the key is {attribute}, which classes have of themselves")
        for place in one.order:
            if not isinstance(place, _Class):
                if attribute in vars(place):
                    if self.rules.derives_own and vars(place).get("__registry_key_derived__", False):
                        return None
                    return getattr(place, attribute)
                continue
            if place is not one and place.stamped is not _MISSING and place.stamped is not None:
                return None if place.is_derived and self.rules.derives_own else place.stamped
            if attribute in place.told["names"]:
                return self._constant(place, place.told["names"][attribute])
        return None

    def _constant(self, one: _Class, value: Any) -> Any:
        if isinstance(value, list) and value[0] == "literal":
            return value[1]
        if isinstance(value, list) and len(value) == 3 and value[2]:
            origin, _, name = value[2].partition(":")
            rest = value[1].partition(".")[2]
            path = ".".join(part for part in (name, rest) if part)
            if name and is_loaded(f"{origin}.{name}") and not hasattr(sys.modules.get(origin), name):
                origin, path = f"{origin}.{name}", rest
            found = _loaded(origin, path)
            if found is not _MISSING:
                return found
        raise Doubt(f"{self.rules.key_attribute} of {one.name} is no constant")

    def _abstract(self, one: Any) -> set[str]:
        """Names of abstract methods that are left, as `ABCMeta` counts them."""
        if not isinstance(one, _Class):
            return set(getattr(one, "__abstractmethods__", ()))
        left = {name for base in one.bases for name in self._abstract(base)}
        left |= {name for name, kind in one.told["names"].items() if kind in ("abstract", "maybe")}
        for name, kind in one.told["names"].items():
            if isinstance(kind, list) and kind[0] == "name" and {name, kind[1].rpartition(".")[2]} & left:
                raise Doubt(f"{one.name}.{name} is another name of what may be abstract")
        if left & set(self.told["patched"]):
            raise Doubt(f"abstract methods of {one.name} are assigned after classes are made")
        return {name for name in left if self._is_abstract(one, name)}

    @staticmethod
    def _is_abstract(one: _Class, name: str) -> bool:
        for place in one.order:
            if isinstance(place, _Class):
                kind = place.told["names"].get(name)
                if kind in ("unsure", "maybe"):
                    raise Doubt(f"whether {place.name}.{name} is abstract is known by running it only")
                if kind is not None:
                    return bool(kind == "abstract")
            elif name in vars(place):
                return bool(getattr(vars(place)[name], "__isabstractmethod__", False))
        return False


def _loaded(module: str, path: str) -> Any:
    """What is at a place of a module that is loaded, or of one of the standard library."""
    if not is_loaded(module):
        if module.partition(".")[0] not in sys.stdlib_module_names:
            return _MISSING
        try:
            importlib.import_module(module)
        except ImportError:
            return _MISSING
    found: Any = sys.modules[module]
    for part in path.split(".") if path else ():
        found = vars(found).get(part, _MISSING) if isinstance(found, type(sys)) else getattr(found, part, _MISSING)
        if found is _MISSING:
            return _MISSING
    return found


def _is_there(name: str) -> bool:
    """Whether an import of a topmost module would find something; nothing is imported."""
    if name in sys.modules:
        return sys.modules[name] is not None
    if "." in name:
        # One of the packages' own modules, which has no file.
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def settings_of(root: type) -> Sequence[str]:
    """Hooks of a root, or of its parents, that change how subclasses are made."""
    hooks = []
    for one in root.__mro__:
        if one.__module__ not in _TOOLS and "__init_subclass__" in vars(one):
            hooks.append(f"{one.__qualname__}.__init_subclass__")
    return hooks


__all__ = ["Doubt", "Entry", "Linker", "Rules", "is_loaded", "settings_of"]
