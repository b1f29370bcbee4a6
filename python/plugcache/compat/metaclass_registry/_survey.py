"""What importing a package would register, told from the source of all files that could have a part in it.

The result is plain data, so that it can be kept: the engine keeps it under the digests of all those files. It says
which classes are members, what their bodies bind, and what is in *doubt*; whether a doubt matters depends on what is
loaded in the running process, which `_link` looks at.

What runs while modules are imported is followed from the top: from the modules that discovery imports to those that
they import, and from the calls in them to the functions that are called, as far as these are in the same topmost
packages.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ._source import DYNAMIC_IMPORT, Function, Module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Imports of any form, at the start of a line.
_IMPORT = re.compile(
    r"^(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n;]*)|import[ \t]+([^\n;]*))", re.MULTILINE
)
#: Comments and texts: what is in them is no statement.
_PROSE = re.compile(
    r"#[^\n]*"
    r"|\"\"\"[^\"\\]*(?:(?:\\.|\"(?!\"\"))[^\"\\]*)*\"\"\""
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)

#: More than this is not followed: importing tells it sooner.
_MOST_FILES = 400
_MOST_FUNCTIONS = 20_000

#: Methods that run when an instance is made of a class, or a class of a metaclass.
_HOOKS = ("__new__", "__init__", "__post_init__", "__call__", "__init_subclass__", "__prepare__")


class Source(NamedTuple):
    """A file of one of the packages that could have a part in it."""

    path: str
    is_package: bool
    text: str


class Question(NamedTuple):
    """What is asked, beside the files."""

    #: `module:qualname` of the family's root.
    root: str
    #: Where discovery looks: a package or a module.
    package: str
    recursive: bool
    #: Names in the root's module that stand for its registry.
    registries: tuple[str, ...]


#: Module, qualified name, bases as the index resolved them.
Member = tuple[str, str, tuple[str, ...]]


def scope_of(question: Question, sources: dict[str, Source]) -> list[str]:
    """The modules that discovery imports, in its order."""
    start = f"{question.package}."
    found = [question.package]
    for name in sorted(sources):
        is_direct = "." not in name.removeprefix(start) and not sources[name].is_package
        if name.startswith(start) and (question.recursive or is_direct):
            found.append(name)
    return [name for name in found if name in sources and _is_walked(question.package, name, sources)]


def _is_walked(package: str, name: str, sources: dict[str, Source]) -> bool:
    """Whether all between a package and a module in it are packages: a plain directory is not looked into."""
    above = name.rpartition(".")[0]
    while len(above) > len(package):
        if above not in sources or not sources[above].is_package:
            return False
        above = above.rpartition(".")[0]
    return True


def survey(question: Question, sources: dict[str, Source], members: list[Member]) -> dict[str, Any]:
    """What there is: plain data, keys as in `_link`.

    `members` are all classes that derive from the root, by module, qualified name and bases, as the index has them.
    """
    return _Survey(question, sources, members).told()


class _Survey:
    def __init__(self, question: Question, sources: dict[str, Source], members: list[Member]) -> None:
        self.question = question
        self.sources = sources
        self.members = members
        self.tops = {name.partition(".")[0] for name in sources}
        #: Members, and the root.
        self.recorded = {(module, qualname) for module, qualname, _ in members}
        root, _, qualname = question.root.partition(":")
        self.recorded.add((root, qualname))
        self.scope = scope_of(question, sources)
        self.family = {question.root.rpartition(":")[2].rpartition(".")[2]}
        self.family |= {qualname.rpartition(".")[2] for _, qualname, _ in members}
        self.registries = set(question.registries)
        self._add_aliases()
        names = self.family | self.registries | {"__registry__"}
        #: Modules that mention a member or a registry: rather more than fewer.
        self.mentioning = {
            name for name, source in sources.items() if any(one in source.text for one in names)
        }
        self.modules: dict[str, Module | None] = {}
        self._led: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self.visits = 0
        self._by_name: dict[str, list[tuple[str, str]]] = {}

    def told(self) -> dict[str, Any]:
        scope = set(self.scope)
        try:
            relevant = self._relevant()
            doubts = [doubt for name in sorted(relevant) for doubt in self._doubts(name)]
            doubts += self._owners_told()
            within = [member for member in self.members if member[0] in scope]
            for module, qualname, _ in within:
                doubts += self._doubts_of(module, qualname)
            classes = self._classes(within)
        except _TooMuch:
            return {"doubts": [["", 0, "too much runs when it is imported"]]}
        modules = [module for module in self.modules.values() if module is not None]
        return {
            "doubts": sorted(doubts),
            "outside": sorted({module for module, _, _ in self.members if module in relevant} - scope),
            "packages": [name for name in self.scope if self.sources[name].is_package],
            "members": [[module, qualname] for module, qualname, _ in self._in_order(within)],
            "classes": classes,
            "needs": {module: self._needs(module) for module in sorted({module for module, _, _ in within})},
            "patched": sorted(set().union(*(module.patched for module in modules))),
        }

    def _add_aliases(self) -> None:
        """Adds names that stand for a member or a registry, wherever they are bound."""
        while True:
            known = "|".join(sorted(map(re.escape, self.family)))
            held = "|".join(sorted(map(re.escape, self.registries | {"__registry__"})))
            renamed = r"^[ \t]*(\w+)(?:[ \t]*:[^=\n]+)?[ \t]*:?=[ \t]*(?:[\w.]+\.)?(?:%s)[ \t]*(?:#.*)?$"
            renamed += r"|\b(?:%s)[ \t]+as[ \t]+(\w+)"
            found = set(), set()  # type: tuple[set[str], set[str]]
            for names, into in ((known, found[0]), (held, found[1])):
                pattern = re.compile(renamed % (names, names), re.MULTILINE)
                plain = [*(self.family if into is found[0] else self.registries | {"__registry__"})]
                for source in self.sources.values():
                    if any(name in source.text for name in plain):
                        into.update(name for pair in pattern.findall(source.text) for name in pair if name)
            if found[0] <= self.family and found[1] <= self.registries:
                return
            self.family |= found[0]
            self.registries |= found[1]

    def _read(self, name: str) -> Module | None:
        if name not in self.modules:
            if len(self.modules) >= _MOST_FILES:
                raise _TooMuch
            source = self.sources[name]
            try:
                tree = ast.parse(source.text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self.modules[name] = None
            else:
                read = Module(name, source.is_package, tree, self.family, self.registries, self.tops)
                self.modules[name] = read
        return self.modules[name]

    # ---- what is imported ----------------------------------------------------------------------------------------

    def _surely(self, start: Iterable[str]) -> set[str]:
        """Modules that must have been imported once some are."""
        reached: set[str] = set()
        left = list(start)
        while left:
            name = left.pop()
            if name not in reached and name in self.sources:
                reached.add(name)
                left += _with_parents([name, *_imported(name, self.sources[name])])
        return reached

    def _relevant(self) -> set[str]:
        """Modules that may run when discovery imports, and that did not run when the root was made."""
        done = self._surely([self.question.root.partition(":")[0]])
        relevant = set(self.scope)
        seen: set[str] = set()
        is_open = False
        left = [*self.scope, *_with_parents(self.scope)]
        while left or is_open:
            if not left:
                # Whatever mentions a member may be imported by a name that is computed.
                is_open = False
                left = sorted(self.mentioning - seen)
                continue
            name = left.pop()
            if name in seen or name not in self.sources or (name in done and name not in relevant):
                continue
            seen.add(name)
            relevant.add(name)
            module = self._read(name)
            if module is None:
                continue
            left += _with_parents(module.imported)
            for path in module.called:
                makes = self._imports(name, path)
                for place in self._all_called(name, path):
                    function = self._function(place)
                    left += _with_parents(function.imports)
                    makes = makes or any(self._imports(place[0], one) for one in function.calls)
                if makes:
                    texts = module.texts.get(path)
                    left += _with_parents(texts or ())
                    is_open = is_open or not texts
        return relevant

    # ---- what is called ------------------------------------------------------------------------------------------

    def _function(self, place: tuple[str, str]) -> Function:
        module = self._read(place[0])
        assert module is not None
        return module.functions[place[1]]

    def _all_called(self, name: str, path: str) -> Iterator[tuple[str, str]]:
        """All functions that a call leads to, by module and qualified name."""
        if (name, path) not in self._led:
            seen: set[tuple[str, str]] = set()
            # A method of an object whose class cannot be told is followed by its name, one step.
            left = [(place, True) for place in self._targets(name, path) or self._named(path)]
            while left:
                place, by_name = left.pop()
                if place in seen:
                    continue
                seen.add(place)
                self.visits += 1
                if self.visits > _MOST_FUNCTIONS:
                    raise _TooMuch
                above = place[1].rpartition(".")[0]
                for called in self._function(place).calls:
                    if called.startswith(("self.", "cls.")) and above:
                        called = f"{above}.{called.partition('.')[2]}"
                    found = self._targets(place[0], called)
                    left += [(one, by_name) for one in found]
                    if not found and by_name:
                        left += [(one, False) for one in self._named(called)]
            self._led[name, path] = seen
        yield from self._led[name, path]

    def _imports(self, name: str, path: str, depth: int = 0) -> bool:
        """Whether a call imports a module whose name it is given, by whatever name it goes."""
        if _is_import(path):
            return True
        module = self._read(name) if name in self.sources and depth < 8 else None
        first, _, rest = path.partition(".")
        for origin in module.origins.get(first, ()) if module is not None else ():
            target, inner = self._inside(origin, rest)
            if _is_import(f"{target}.{inner}") or (target in self.sources and self._imports(target, inner, depth + 1)):
                return True
        return False

    def _targets(self, name: str, path: str, depth: int = 0) -> list[tuple[str, str]]:
        """The functions that a dotted name may stand for where it is called."""
        module = self._read(name) if name in self.sources else None
        if module is None or depth > 8:
            return []
        first, _, rest = path.partition(".")
        if path in module.functions:
            return [(name, path)]
        if first in module.classes:
            return self._of_class(module, first, rest, depth)
        origins = module.origins.get(first, ())
        if origins:
            reached: list[tuple[str, str]] = []
            for origin in origins:
                target, inner = self._inside(origin, rest)
                if inner and origin.partition(".")[0].partition(":")[0] in self.tops:
                    reached += self._targets(target, inner, depth + 1)
            return reached
        if first in module.foreign or first in module.plain or (not rest and hasattr(builtins, first)):
            return []
        for star in module.stars:
            found = self._targets(star, path, depth + 1) if star in self.sources else []
            if found:
                return found
        return []

    def _of_class(self, module: Module, name: str, rest: str, depth: int) -> list[tuple[str, str]]:
        """What making an instance of a class runs, or calling a method of it."""
        found = []
        for hook in (rest,) if rest else _HOOKS:
            if f"{name}.{hook}" in module.functions:
                found.append((module.name, f"{name}.{hook}"))
        for base in module.classes[name]["bases"]:
            if base and base != name:
                inherited = self._targets(module.name, f"{base}.{rest}" if rest else base, depth + 1)
                found += inherited
        return found

    def _named(self, path: str) -> list[tuple[str, str]]:
        """Every function of a name, in files that mention a member: whose method it is cannot be told."""
        above, _, name = path.rpartition(".")
        if not above or name.startswith("__"):
            return []
        if name not in self._by_name:
            found: list[tuple[str, str]] = []
            for other in sorted(self.mentioning):
                if name and f"def {name}" in self.sources[other].text:
                    module = self._read(other)
                    functions = module.functions if module is not None else {}
                    found += [(other, one) for one in functions if one.rpartition(".")[2] == name]
            self._by_name[name] = found
        return self._by_name[name]

    def _touches(self, name: str, path: str) -> str:
        """What a call does with members, however indirectly; empty: nothing."""
        for place in sorted(self._all_called(name, path)):
            function = self._function(place)
            unknown = next((base for base in sorted(function.bases) if not self._knows(place[0], base)), None)
            touches = function.touches
            if not touches and unknown is not None:
                touches = f"makes a class of {unknown or 'a computed one'}"
            if touches:
                return f"{place[0]}.{place[1]} {touches}"
        return ""

    def _knows(self, name: str, base: str, depth: int = 0) -> bool:
        """Whether a parent is a class that is written down, or comes from elsewhere: not one that code computes."""
        module = self._read(name) if name in self.sources else None
        if module is None or not base or depth > 8:
            return False
        first, _, rest = base.partition(".")
        if not module.is_sure(first):
            return False
        if first in module.classes or first in module.foreign:
            return True
        origin = module.imports.get(first)
        if origin is not None:
            if origin.partition(".")[0].partition(":")[0] not in self.tops:
                return True
            target, inner = self._inside(origin, rest)
            return bool(inner) and self._knows(target, inner, depth + 1)
        if not rest and isinstance(getattr(builtins, first, None), type):
            return True
        is_foreign = any(star.partition(".")[0] not in self.tops for star in module.stars)
        return is_foreign or any(self._knows(star, base, depth + 1) for star in module.stars)

    def _inside(self, origin: str, rest: str) -> tuple[str, str]:
        """The module that an imported name is in, and its path in there."""
        target, _, inner = origin.partition(":")
        inner = ".".join(part for part in (inner, rest) if part)
        while inner and f"{target}.{inner.partition('.')[0]}" in self.sources:
            head, _, inner = inner.partition(".")
            target = f"{target}.{head}"
        return target, inner

    # ---- what is in doubt ----------------------------------------------------------------------------------------

    def _doubts(self, name: str) -> list[list[Any]]:
        """What in a module leaves open what it registers when it is imported."""
        module = self._read(name)
        if module is None:
            return [[name, 0, "is no Python that can be read"]]
        found = [[name, line, text] for line, text in [*module.doubts, *module.paths]]
        if name in self.scope:
            found += [[name, line, text] for line, text in module.raises]
        for line, path in module.given:
            targets = self._targets(name, path)
            why = next((one for one in (self._function(place).touches_given for place in targets) if one), "")
            if why or not targets:
                found.append([name, line, f"gives a member or a registry to {path}() {why}".rstrip()])
        for path, line in module.called.items():
            why = self._touches(name, path)
            if why:
                found.append([name, line, f"calls {path}(), which leads to {why}"])
        for qualname, told in module.classes.items():
            if (name, qualname) not in self.recorded and any(self._may_be_member(module, one) for one in told["bases"]):
                found.append([name, told["line"], f"{qualname} derives from a member, and is hidden later"])
            unknown = [base for base in told["bases"] if base and not self._knows(name, base)]
            if unknown:
                found.append([name, told["line"], f"{qualname} derives from {unknown[0]}, which only running tells"])
            for base in [*told["bases"], *(["?"] if "metaclass" in told["keywords"] else [])]:
                if base not in ("", "?") and self._touches(name, f"{base}.__init_subclass__"):
                    found.append([name, told["line"], f"{qualname} runs a hook that touches members"])
        return found

    def _owners_told(self) -> list[list[Any]]:
        """Descriptors that do something with the class that they are put into: in loaded modules, too."""
        found = []
        for name, source in self.sources.items():
            if "__set_name__" not in source.text:
                continue
            try:
                tree = ast.parse(source.text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            for node in ast.walk(tree):
                if not isinstance(node, ast.FunctionDef) or node.name != "__set_name__":
                    continue
                owner = node.args.args[1].arg if len(node.args.args) > 1 else ""
                used = (one for part in node.body for one in ast.walk(part) if isinstance(one, ast.Name))
                if not owner or any(one.id == owner for one in used):
                    # No module of this name is ever loaded: it is in doubt whatever is.
                    found.append(["", node.lineno, f"{name} has a __set_name__ that uses the class"])
        return found

    def _may_be_member(self, module: Module, base: str) -> bool:
        """Whether a parent has the name of a member, and does not come from elsewhere."""
        origin = module.origin(base.partition(".")[0]) or ""
        is_foreign = bool(origin) and origin.partition(".")[0].partition(":")[0] not in self.tops
        return base.rpartition(".")[2] in self.family and not is_foreign

    def _doubts_of(self, name: str, qualname: str) -> list[list[Any]]:
        """What leaves open whether a member is one."""
        module = self._read(name)
        told = module.classes.get(qualname) if module is not None else None
        if module is None or told is None:
            return [[name, 0, f"{qualname} is not where it was found"]]
        if told["conditional"]:
            return [[name, told["line"], f"{qualname} is there only under a condition"]]
        more = [*told["keywords"], *told["decorators"], *told["settings"]]
        if more:
            return [[name, told["line"], f"{qualname} is more than a plain class: {', '.join(more)}"]]
        if "." not in qualname and module.bound.get(qualname) != 1:
            return [[name, told["line"], f"the name {qualname} is bound again"]]
        return []

    # ---- what members are ----------------------------------------------------------------------------------------

    def _in_order(self, members: list[Member]) -> list[Member]:
        """Members as importing would meet them: module by module, line by line."""
        place = {name: number for number, name in enumerate(self.scope)}

        def key(member: Member) -> tuple[int, int]:
            module = self._read(member[0])
            told = module.classes.get(member[1]) if module is not None else None
            return place[member[0]], told["line"] if told is not None else 0

        return sorted(members, key=key)

    def _classes(self, members: list[Member]) -> dict[str, Any]:
        """Members and whatever they derive from, as far as it is in these packages."""
        bases_of = {f"{module}:{qualname}": list(bases) for module, qualname, bases in self.members}
        told: dict[str, Any] = {}
        left = [f"{module}:{qualname}" for module, qualname, _ in members]
        while left:
            name = left.pop()
            module_name, _, qualname = name.partition(":")
            if name in told or module_name not in self.sources:
                continue
            module = self._read(module_name)
            found = module.classes.get(qualname) if module is not None else None
            if module is None or found is None:
                continue
            bases = bases_of.get(name) or [_resolved(module, base) for base in found["bases"]]
            bases = [base if ":" in base else _resolved(module, base) for base in bases]
            names = {key: _told(module, value, found["names"]) for key, value in found["names"].items()}
            told[name] = {**found, "bases": bases, "names": names}
            left += bases
        return told

    def _needs(self, module: str) -> list[str]:
        """What from elsewhere must be there for a module to be imported: topmost names, or missing modules of ours."""
        found: set[str] = set()
        for name in self._surely([module]):
            for need in _imported(name, self.sources[name]):
                top = need.partition(".")[0]
                if top and top not in self.tops:
                    found.add(top)
        read = self._read(module)
        for need in read.needs if read is not None else ():
            if need.partition(".")[0] not in self.tops:
                found.add(need.partition(".")[0])
            elif need not in self.sources and not self._is_inside(need):
                found.add(need)
        return sorted(found - set(sys.stdlib_module_names))

    def _is_inside(self, name: str) -> bool:
        """Whether it is a directory without a file of its own."""
        start = f"{name}."
        return any(other.startswith(start) for other in self.sources)


class _TooMuch(Exception):  # noqa: N818
    """Following it all would take longer than importing."""


def _is_import(path: str) -> bool:
    """Whether a call imports a module whose name it is given."""
    first, _, last = path.rpartition(".")
    return last in DYNAMIC_IMPORT and first in ("", "importlib", "pkgutil", "runpy", "builtins")


def _with_parents(names: Iterable[str]) -> list[str]:
    """Modules, and the packages around them."""
    found: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        found.update((".".join(parts[:length]), None) for length in range(1, len(parts) + 1))
    return list(found)


def _blank(prose: re.Match[str]) -> str:
    return "" if prose[0].startswith("#") else "''"


def _imported(name: str, source: Source) -> Iterator[str]:
    """Names of modules in import statements that always run, and of what is imported from them."""
    for origin, names, plain in _IMPORT.findall(_PROSE.sub(_blank, source.text)):
        if plain:
            yield from (part.split(" as ")[0].strip() for part in plain.split(","))
            continue
        level = len(origin) - len(origin.lstrip("."))
        above = origin.lstrip(".")
        if level:
            parts = name.split(".")
            parts = parts[: len(parts) - level + (1 if source.is_package else 0)]
            above = ".".join([*parts, above]) if above else ".".join(parts)
        yield above
        for part in names.strip("() \t\n").split(","):
            yield f"{above}.{part.split(' as ')[0].strip()}"


def _resolved(module: Module, base: str) -> str:
    """`module:qualname` of what a class says that it derives from, if it was imported by that name."""
    first, _, rest = base.partition(".")
    if base in module.classes and module.is_sure(first):
        return f"{module.name}:{base}"
    origin = module.origin(first)
    if origin is None and (first in module.origins or first in module.bound):
        return f"?:{base}"
    if origin is None:
        return f"builtins:{base}" if first and "." not in base else base
    if ":" in origin:
        return f"{origin}.{rest}" if rest else origin
    # `import a` and `a.b.C`: everything but the last part is taken for the module.
    path = f"{origin}.{rest}"
    above, _, last = path.rpartition(".")
    return f"{above}:{last}"


def _told(module: Module, value: Any, names: dict[str, Any]) -> Any:
    """What a name in a class body stands for: constants that go by a name are looked up."""
    if not isinstance(value, list) or value[0] != "name":
        return value
    literal = module.constant(value[1]) if value[1].partition(".")[0] not in names else None
    if literal is not None:
        return ["literal", literal]
    first = value[1].partition(".")[0]
    # Other names of the class body come first, and stars may bind anything.
    is_sure = first not in names and not module.stars
    return ["name", value[1], module.origin(first) if is_sure else None]
