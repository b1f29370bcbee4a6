"""`Resolver`: from a name to a plugin, in places that a host trusts and places that it does not."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _imports
from ._errors import AmbiguousPluginError, ConfigError, PluginImportError, RejectedPluginError, UnknownPluginError
from ._registry import Registry
from ._safety import SafetyPolicy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._plugcache import Judged, Record
    from ._registry import Case, Duplicates, Problem, Strength


class Resolved(NamedTuple):
    """A plugin that was found and not imported."""

    #: What is known of it.
    record: Record
    #: The directory below which it lies, as it would be on the search path.
    root: str
    #: Whether that is a trusted one.
    is_trusted: bool


class Resolver:
    """Finds plugins by name: in trusted places first, then below user roots, whose code is judged before it runs.

    What is there is read from source and proven at each question, as by `Registry`. A name that a trusted plugin
    answers to is never a user's: case rules and suffixes are tried in the trusted places first. Nothing is remembered
    of a name that was not found.

    **A trusted file that is broken** (no Python, not UTF-8, not readable) keeps the names that it may hold from users'
    plugins: `PluginImportError` says what is wrong with it. It may hold a name that is a word of its text or of its
    path below the root, with or without the suffix, whatever the case and the underscores; if it cannot be read, any
    name. Other broken files are in nobody's way.

    **Trusted plugins** are imported as Python does: once, by their own names. **User plugins** are judged with all
    packages that they lie in; if one may not be loaded, `RejectedPluginError` says why, and none of their code has run.
    What runs is what was judged. They live in a package of their own, `plugcache_user_…`, so that none is taken for
    another module of its name: two resolvers that have a root and a policy in common share its modules.

    **Edits**: `load` gives user plugins as they are on disk: after an edit of the module, of a package that it lies in,
    or of a module of the root that it imports relatively, a fresh module object with fresh classes; who holds the old
    class keeps it. Other modules of the root stay the objects that they are. With `reload=False`, and always for
    trusted plugins, a module that was imported stays.

    - `roots`: user roots, in search order: directories, each as an entry of a search path.
    - `trusted`: trusted roots, in search order.
    - `package`: trusted packages, by dotted name, found as an import would find them. They come first.
    - `base`, `key`, `suffix`, `rules`, `recursive`, `private`, `abstract`, `case`, `strength`: as for `Registry`. A
      bare name as `base` is looked for in the trusted places.
    - `duplicates`: among the trusted, and among the users', the `"first"` or the `"last"` in search order; with
      `"error"` one name in any two places is refused. Default: `"first"`.
    - `safety`: what user plugins may do. `None`: whatever they like. Default: the strict policy.
    - `reload`: whether `load` sees edits of user plugins. Default: yes.
    """

    def __init__(
        self,
        roots: Iterable[str | os.PathLike[str]] = (),
        *,
        trusted: Iterable[str | os.PathLike[str]] = (),
        package: str | Iterable[str] | None = None,
        name: str = "plugins",
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
        safety: SafetyPolicy | None = SafetyPolicy(),
        reload: bool = True,
    ) -> None:
        self.name = name
        self.roots = _absolute(roots)
        self.trusted = _absolute(trusted)
        self.reload = reload
        both = sorted({*self.roots} & {*self.trusted})
        if both:
            raise ConfigError(f"resolver {name!r}: {both[0]} is among the trusted and among the user roots")
        settings: dict[str, Any] = {
            "key": key,
            "suffix": suffix,
            "rules": tuple(rules),
            "recursive": recursive,
            "private": private,
            "abstract": abstract,
            "case": case,
            "duplicates": duplicates,
            "strength": strength,
        }
        self._refuses = duplicates == "error"
        self._trusted: list[Registry[Any]] = []
        self._packages = [package] if isinstance(package, str) else list(package or ())
        if self._packages:
            self._trusted.append(Registry(name, package=self._packages, base=base, **settings))
        if self.trusted:
            self._trusted.append(Registry(name, roots=self.trusted, base=base, **settings))
        self._base = base
        self._settings = settings
        self._suffix = suffix
        self._user: Registry[Any] | None = None
        if not self._trusted and not self.roots:
            raise ConfigError(f"resolver {name!r} has no place to look: say roots=, trusted= or package=")
        #: Without a policy, the roots are trusted to hold what they like; their code runs in the same way.
        self._policies = {
            root: SafetyPolicy(trusted_roots=(root,)) if safety is None else safety for root in self.roots
        }

    # ---- what is there -------------------------------------------------------------------------------------------

    def resolve(self, name: str) -> Resolved:
        """The plugin of a name, which is not imported. `UnknownPluginError` has the nearest names as its `close`;
        `PluginImportError`: a trusted file that may hold it is broken."""
        if not isinstance(name, str):
            raise UnknownPluginError(f"resolver {self.name!r}: {name!r} is no name")
        close: list[str] = []
        hits: list[Resolved] = []
        for registry, is_trusted in self._layers():
            if not is_trusted and not hits:
                self._check_broken(name)
            try:
                record = registry.record(name)
            except UnknownPluginError as error:
                close += error.close
                continue
            hits.append(Resolved(record, _root_of(record), is_trusted))
            if not self._refuses:
                break
        if len(hits) > 1:
            places = ", ".join(f"{hit.record.module} ({hit.record.file}:{hit.record.line})" for hit in hits)
            raise AmbiguousPluginError(
                f"several plugins are named `{name}`: {places}; remove or rename all but one, or choose the policy "
                "first"
            )
        if hits:
            return hits[0]
        if not self.roots:
            self._check_broken(name)
        close = list(dict.fromkeys(close))[:3]
        told = f"; did you mean {', '.join(close)}?" if close else ""
        missing = UnknownPluginError(f"resolver {self.name!r}: no plugin is named `{name}`{told}")
        missing.close = tuple(close)
        raise missing

    def names(self) -> list[str]:
        """Names of all plugins, sorted."""
        return list(self.records())

    def records(self) -> dict[str, Record]:
        """What is known of each plugin, by name, those that answer to it."""
        found: dict[str, Record] = {}
        broken: list[_Broken] = []
        for registry, is_trusted in self._layers():
            if not is_trusted:
                broken = self._broken()
            for name, record in registry.records.items():
                if name not in found and not any(one.may_hold(name, self._suffix) for one in broken):
                    found[name] = record
        return dict(sorted(found.items()))

    @property
    def problems(self) -> list[Problem]:
        """What stood in the way of finding plugins."""
        return [problem for registry, _ in self._layers() for problem in registry.problems]

    def judge(self, name: str) -> list[Judged]:
        """What is decided about a user plugin's source and the packages that it lies in, the plugin's last; nothing of
        a trusted plugin."""
        found = self.resolve(name)
        return [] if found.is_trusted else self._root(found).judge(found.record.module)

    def explain(self, name: str) -> str:
        """Why a name is answered as it is: where it was looked for, what the answer rests on, how it was judged."""
        lines = []
        for registry, is_trusted in self._layers():
            kind = "trusted" if is_trusted else "user"
            lines.append(f"{kind}: {registry.index.explain(name)}")
            if name in registry:
                if not is_trusted:
                    lines += _told(self._verdicts(registry, name))
                break
            if is_trusted:
                broken = (one.problem for one in self._broken(registry) if one.may_hold(name, self._suffix))
                lines += [f"  may be in {one.file}:{one.line}, which is broken: {one.message}" for one in broken]
                if lines[-1].startswith("  may be in"):
                    break
        return f"resolver {self.name}: " + "\n".join(lines)

    # ---- importing -----------------------------------------------------------------------------------------------

    def load(self, name: str) -> Any:
        """The plugin of a name: imports the module that defines it."""
        for is_last in (False, True):
            found = self.resolve(name)
            record = found.record
            if found.is_trusted:
                registry = self._trusted[0] if found.root not in self.trusted else self._trusted[-1]
                return registry._load(record)
            try:
                return _imports.attribute(self._import(found), record)
            except PluginImportError as error:
                # It was edited between the two looks: the second is at what is there now.
                if is_last or isinstance(error, RejectedPluginError) or not isinstance(error.__cause__, AttributeError):
                    raise
        raise AssertionError

    def _import(self, found: Resolved) -> Any:
        from ._user_modules import check_found

        record = found.record
        try:
            module = self._root(found).load(record.module, reload=self.reload)
            check_found(module, record.file)
        except PluginImportError:
            raise
        except Exception as error:
            raise _imports.failed(record, error) from error
        return module

    # ---- inside --------------------------------------------------------------------------------------------------

    def _layers(self) -> list[tuple[Registry[Any], bool]]:
        layers = [(registry, True) for registry in self._trusted]
        if self.roots:
            if self._user is None:
                self._user = Registry(self.name, roots=self.roots, base=self._user_base(), **self._settings)
            layers.append((self._user, False))
        return layers

    def _broken(self, *registries: Registry[Any]) -> list[_Broken]:
        """Trusted files that nobody knows what is in."""
        return [
            _Broken(problem, [*self.trusted, *registry._roots()])
            for registry in registries or self._trusted
            for problem in registry.problems
            if not problem.is_dynamic
        ]

    def _check_broken(self, name: str) -> None:
        """Refuses a name that a broken trusted file may hold: a user's plugin must not get it for that."""
        for problem in (one.problem for one in self._broken() if one.may_hold(name, self._suffix)):
            raise PluginImportError(
                f"resolver {self.name!r}: trusted plugin `{name}` may be in {problem.file}:{problem.line}, which is "
                f"broken: {problem.message}; mend or remove that file",
                path=problem.file,
            )

    def _user_base(self) -> str | type | None:
        """The base as users' plugins name it: a bare name means a class of a trusted place, if there is one."""
        base = self._base
        if isinstance(base, str) and ":" not in base and self._trusted:
            for registry in self._trusted:
                try:
                    return registry._find_base({**registry._settings, "roots": registry._roots()})
                except ConfigError:
                    continue
        return base

    def _root(self, found: Resolved) -> Any:
        from ._user_modules import user_root

        return user_root(found.root, self._policies[found.root])

    def _verdicts(self, registry: Registry[Any], name: str) -> list[Judged]:
        try:
            record = registry.record(name)
        except AmbiguousPluginError:
            return []
        found = Resolved(record, _root_of(record), is_trusted=False)
        judged: list[Judged] = self._root(found).judge(record.module)
        return judged

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self.resolve(name) is not None
        except UnknownPluginError:
            return False
        except (AmbiguousPluginError, PluginImportError):
            return True

    def __repr__(self) -> str:
        places = [*self._packages, *self.trusted, *self.roots]
        return f"<plugcache.Resolver {self.name!r} of {', '.join(places)}>"


class _Broken:
    """A file that may hold plugins of any of the names in it."""

    def __init__(self, problem: Problem, roots: Iterable[str]) -> None:
        self.problem = problem
        inside = (os.path.relpath(problem.file, one) for one in roots if problem.file.startswith(os.path.join(one, "")))
        text = next(inside, os.path.basename(problem.file))
        self._is_unknown = False
        try:
            with open(problem.file, "rb") as file:
                # Names in wide encodings are found as well.
                text += " " + file.read().replace(b"\0", b"").decode("utf-8", "replace")
        except FileNotFoundError:
            # Nothing is there that could hold anything.
            text = ""
        except OSError:
            self._is_unknown = True
        self._text = f"{text} {text.replace('_', '')}".casefold()

    def may_hold(self, name: str, suffix: str) -> bool:
        """Whether a plugin of that name may be in it: its name is a word there, underscores apart or not."""
        if self._is_unknown:
            return True
        plain, end = _plain(name), _plain(suffix)
        names = {plain, plain + end, plain.removesuffix(end), _plain(name.rpartition(".")[2])} - {""}
        return any(re.search(rf"(?<![^\W_]){re.escape(one)}(?![^\W_])", self._text) for one in names)


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


def _absolute(roots: Iterable[str | os.PathLike[str]]) -> list[str]:
    given = [roots] if isinstance(roots, (str, os.PathLike)) else roots
    return list(dict.fromkeys(os.path.abspath(os.fspath(root)) for root in given))


def _root_of(record: Record) -> str:
    """The directory that a module's dotted name is relative to."""
    parts = record.module.split(".")
    if os.path.basename(record.file) == "__init__.py" and parts[-1] != "__init__":
        parts.append("__init__")
    root = record.file
    for _ in parts:
        root = os.path.dirname(root)
    return root


def _told(verdicts: list[Judged]) -> list[str]:
    lines = []
    for judged in verdicts:
        word = "may be loaded" if judged.allowed else "may not be loaded"
        lines.append(f"  judged     {judged.path} {word}: {judged.reason}")
        lines += [
            f"    {judged.path}:{line}:{column}: {rule} `{what}`: {why}"
            for line, column, rule, what, why in judged.violations
        ]
    return lines
