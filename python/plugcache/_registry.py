"""`Registry`: a host's plugins as a mapping that imports one when it is used, and none before."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ._errors import AmbiguousPluginError, ConfigError, UnknownPluginError
from ._imports import load
from ._plugcache import Held, Index, Lookup, Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.machinery import ModuleSpec
    from typing import Literal

    Case = Literal["exact", "insensitive", "loose"]
    Duplicates = Literal["first", "last", "error"]
    Strength = Literal["trust", "dirs", "lazy", "full", "hash"]

T = TypeVar("T")


class Problem(NamedTuple):
    """Something that stood in the way of finding plugins."""

    file: str
    line: int
    column: int
    message: str
    #: Nothing is wrong, but only running the code can tell what is there.
    is_dynamic: bool


class _Values(ValuesView[T]):
    """A registry's plugins: listed once, imported one after the other."""

    def __init__(self, registry: Registry[T]) -> None:
        super().__init__(registry)
        self._registry = registry

    def __iter__(self) -> Iterator[T]:
        return (self._registry._load(record) for record in self._registry.index.records())

    def __contains__(self, value: object) -> bool:
        return any(one is value or one == value for one in self)


class _Items(ItemsView[str, T]):
    """A registry's names and plugins, likewise."""

    def __init__(self, registry: Registry[T]) -> None:
        super().__init__(registry)
        self._registry = registry

    def __iter__(self) -> Iterator[tuple[str, T]]:
        records = self._registry.index.records()
        return ((record.name, self._registry._load(record)) for record in records)


class Registry(Lookup, Mapping[str, T]):
    """Plugins by name. Listing them imports nothing; using one imports the module that defines it, and no other.

    What is there is read from source, kept in an index, and proven at every question: a file that was added, removed
    or edited changes the next answer. A plugin that cannot be imported hides no other, and is tried again at the next
    use.

    - `name`: what the registry is called in messages.
    - `package`: the package or packages where plugins are, by dotted name; they are found as an import would find
      them, without importing them. Or:
    - `roots`: directories that plugins are found below, each as an entry of `sys.path`.
    - `base`: the class that plugins derive from, however indirectly: `"module:Class"`, a class, or a bare name
      that one class in the packages has.
    - `key`: a class attribute whose constant value is the plugin's name; those without one are no plugins. A rule
      (`"class"`, `"class-without-suffix"`, `"snake"`, `"module"`, `"stem"`) is taken as such. Default: `"class"`,
      the class's own name.
    - `suffix`: plugins' names end so, and may be asked for without.
    - `rules`: more that must hold, as on the command line: `"decorator=plugin"`, `"function"`, `"module"` …
    - `recursive`: look into packages inside, too. Default: yes.
    - `private`, `abstract`: take what begins with `_`, and classes that cannot be instantiated. Default: yes.
    - `case`: `"exact"`, `"insensitive"` or `"loose"`. Default: `"exact"`.
    - `duplicates`: of several plugins of one name, the `"first"` in the search order, the `"last"`, or an
      `"error"`. Default: `"first"`. Those that are hidden are told by their record's `shadowed`.
    - `strength`: how far files are looked at. Default: `"hash"`, every file's content, in a source checkout (an
      editable install); else what is configured, `"full"`: every file's stamp, and the content of those that were
      touched in the last moments. A single plugin that is there is proven by all directories and the files that it
      rests on (`"lazy"`); a name that is not there, by every file. With `"trust"` every file's stamp is looked at once,
      when the registry is first asked; from then on a plugin that was used is the same until `refresh()`, whatever
      becomes of its file, and using it costs what a dictionary costs.
    - `watch`: let the operating system tell of changes, so that using a plugin again costs one question to it and no
      look at any file. Starts a thread, and watches the plugins' directories. Where the system tells of nothing (a
      network file system, a fork's child), files are looked at as ever. Default: no.
    """

    def __init__(
        self,
        name: str,
        *,
        package: str | Iterable[str] | None = None,
        roots: Iterable[str | os.PathLike[str]] | None = None,
        base: str | type | None = None,
        key: str | None = None,
        suffix: str = "",
        rules: Iterable[str] = (),
        recursive: bool = True,
        private: bool = True,
        abstract: bool = True,
        case: Case = "exact",
        duplicates: Duplicates = "first",
        strength: Strength | None = None,
        watch: bool = False,
    ) -> None:
        if package is None and roots is None:
            raise ConfigError(f"registry {name!r} has no place to look: say package= or roots=")
        self.name = name
        self._packages = [package] if isinstance(package, str) else list(package or ())
        self._given_roots = None if roots is None else [os.path.abspath(os.fspath(root)) for root in roots]
        self._base = f"{base.__module__}:{base.__qualname__}" if isinstance(base, type) else base
        self._settings: dict[str, Any] = {
            "packages": self._packages,
            "recursive": recursive,
            "key": _key_rule(key),
            "private": private,
            "abstract": abstract,
            "suffix": suffix,
            "case": case,
            "duplicates": duplicates,
            "strength": strength,
            "watch": watch,
        }
        # A suffix is a rule only where nothing else says what a plugin is: a base says enough.
        self._rules = [*rules, *([f"suffix={suffix}"] if suffix and base is None else [])]
        self._index: Index | None = None
        self._seen_path: tuple[str, ...] = ()

    # ---- what is there -------------------------------------------------------------------------------------------

    @property
    def index(self) -> Index:
        """The index behind it. Made anew when the search path has changed."""
        path = () if self._given_roots is not None else tuple(sys.path)
        index = self._index
        if index is None or path != self._seen_path:
            index = self._open()
            self._index, self._seen_path = index, path
        return index

    @property
    def is_development(self) -> bool:
        """Whether plugins are in a source checkout, so that every file's content is looked at."""
        return any(is_checkout(root) for root in self._roots())

    def _roots(self) -> list[str]:
        if self._given_roots is not None:
            return self._given_roots
        return list(dict.fromkeys(root for package in self._packages for root in roots_of(package)))

    def _open(self) -> Index:
        roots = self._roots()
        strength = self._settings["strength"]
        if strength is None and any(is_checkout(root) for root in roots):
            strength = "hash"
        settings = {**self._settings, "roots": roots, "strength": strength, "rules": self._rules}
        if self._base is not None:
            settings["rules"] = [f"base={self._find_base(settings)}", *self._rules]
        index = Index(settings)
        if strength == "trust":
            index.prove()
        return index

    def _find_base(self, settings: dict[str, Any]) -> str:
        """`module:qualname` of the base."""
        base = self._base
        assert base is not None
        if ":" in base:
            return base
        module, _, bare = base.rpartition(".")
        # All classes of the packages, by their own names: wherever the base is, plugins are beside it or below.
        plain = {"key": None, "suffix": "", "case": "exact", "duplicates": "error", "private": True}
        everything = {**settings, **plain, "abstract": True, "recursive": True, "rules": ["any"], "watch": False}
        for packages in (settings["packages"], sorted({name.split(".")[0] for name in self._packages})):
            try:
                record = Index({**everything, "packages": packages}).find(bare)
            except UnknownPluginError:
                continue
            except AmbiguousPluginError as error:
                if module:
                    return f"{module}:{bare}"
                raise ConfigError(f"registry {self.name!r}: base {base!r} is not clear: {error}") from None
            if not module or record.module == module:
                return f"{record.module}:{record.qualname}"
        if module:
            return f"{module}:{bare}"
        places = ", ".join(self._packages or self._roots())
        raise ConfigError(
            f"registry {self.name!r}: no class {base!r} in {places}: name the base as module:Class"
        )

    @property
    def records(self) -> Mapping[str, Record]:
        """What is known of each plugin, by name, without importing any."""
        return {record.name: record for record in self.index.records()}

    def record(self, name: str) -> Record:
        """What is known of one plugin."""
        return self.index.find(name)

    @property
    def problems(self) -> list[Problem]:
        """What stood in the way of finding plugins: files that are no Python, packages that are not there …"""
        return [Problem(*problem) for problem in self.index.problems()]

    def explain(self, name: str) -> str:
        """Why a name is answered as it is: what it rests on, and what had changed."""
        return f"registry {self.name}: {self.index.explain(name)}"

    def refresh(self) -> None:
        """Builds the index anew, whatever is kept, and looks for packages anew."""
        self._index = None
        self._forget()
        self.index.refresh()

    # ---- as a mapping --------------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def __getitem__(self, name: str, /) -> T: ...

    def _find(self, name: str) -> tuple[T, Record, Held, tuple[str, ...] | None, bool]:
        """A plugin for the native half, which answers the same question again as long as all of this holds."""
        if not isinstance(name, str):
            raise UnknownPluginError(f"registry {self.name!r}: {name!r} is no name")
        record, held = self.index.find_and_hold(name)
        path = self._seen_path if self._given_roots is None else None
        return self._load(record), record, held, path, self._settings["strength"] == "trust"

    def __iter__(self) -> Iterator[str]:
        return iter(self.index.names())

    def __len__(self) -> int:
        return len(self.index.names())

    def values(self) -> ValuesView[T]:
        """The plugins. Iterating imports one after the other."""
        return _Values(self)

    def items(self) -> ItemsView[str, T]:
        """Names and plugins. Iterating imports one after the other."""
        return _Items(self)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        try:
            self.index.find(name)
        except UnknownPluginError:
            return False
        except AmbiguousPluginError:
            return True
        return True

    def __eq__(self, other: object) -> bool:
        # A mapping compares values, which would import them all.
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<plugcache.Registry {self.name!r} of {', '.join(self._packages or self._roots())}>"

    # ---- importing -----------------------------------------------------------------------------------------------

    def _load(self, record: Record) -> T:
        loaded: T = load(record, self._given_roots)
        return loaded


_RULES = ("class", "class-without-suffix", "snake", "module", "stem")


def _key_rule(key: str | None) -> str | None:
    if key is None or key in _RULES or ":" in key or "=" in key:
        return key
    return f"attribute:{key}"


def roots_of(package: str) -> list[str]:
    """The directories that hold the package's topmost one, as an import would find it; nothing is imported."""
    top = package.partition(".")[0]
    loaded = sys.modules.get(top)
    spec = getattr(loaded, "__spec__", None) if loaded is not None else None
    if spec is None:
        importlib.invalidate_caches()
        spec = _find(top)
    if spec is None:
        raise ConfigError(f"package {package!r} was not found: {top!r} is nowhere on sys.path")
    if spec.submodule_search_locations is not None:
        places = [os.path.abspath(place) for place in spec.submodule_search_locations]
    elif spec.origin is not None and spec.has_location:
        places = [os.path.abspath(spec.origin)]
    else:
        raise ConfigError(f"package {package!r} has no source: {top!r} is {spec.origin or 'nowhere'}")
    return [os.path.dirname(place) for place in places]


def _find(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def plain_index(roots: Iterable[str], packages: Iterable[str], rules: Iterable[str], recursive: bool) -> Index:
    """An index of all that some rules find, by their own names."""
    roots = list(roots)
    return Index(
        {
            "roots": roots,
            "packages": list(packages),
            "recursive": recursive,
            "rules": list(rules),
            "key": None,
            "private": True,
            "abstract": True,
            "suffix": "",
            "case": "exact",
            "duplicates": "first",
            "strength": "hash" if any(is_checkout(root) for root in roots) else None,
        }
    )


def is_checkout(root: str) -> bool:
    """Whether somebody works here: a project file lies beside the packages, or above them."""
    parts = root.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts:
        return False
    return any(
        os.path.exists(os.path.join(place, name))
        for place in (root, os.path.dirname(root))
        for name in ("pyproject.toml", "setup.py", "setup.cfg")
    )
