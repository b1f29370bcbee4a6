"""What importing a package would register, told from the source of all files that could have a part in it.

The result is plain data, so that it can be kept: the engine keeps it under the digests of all those files. It says which
classes are members, what their bodies bind, and what is in *doubt*; whether a doubt matters depends on what is loaded in
the running process, which `_link` looks at.
"""

from __future__ import annotations

import ast
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ._source import Module

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Imports of any form, on a line of their own: more is taken for an import than is one.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]*))", re.MULTILINE
)
_COMMENT = re.compile(r"#[^\n]*")
_DYNAMIC_IMPORT = re.compile(r"\b(?:import_module|__import__|walk_packages|iter_modules|exec|run_path)\b")

#: How often names that stand for members may lead to more such names.
_ROUNDS = 6


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


def scope_of(question: Question, sources: Iterable[str], packages: set[str]) -> list[str]:
    """The modules that discovery imports, in its order."""
    start = f"{question.package}."
    found = [question.package]
    for name in sorted(sources):
        inside = name.removeprefix(start)
        if name.startswith(start) and (question.recursive or ("." not in inside and name not in packages)):
            found.append(name)
    return found


def survey(
    question: Question, sources: dict[str, Source], members: list[tuple[str, str, tuple[str, ...]]]
) -> dict[str, Any]:
    """What there is: plain data, keys as in `_link`.

    `members` are all classes that derive from the root, by module, qualified name and bases, as the index has them.
    """
    return _Survey(question, sources, members).told()


class _Survey:
    def __init__(
        self, question: Question, sources: dict[str, Source], members: list[tuple[str, str, tuple[str, ...]]]
    ) -> None:
        self.question = question
        self.sources = sources
        self.members = members
        packages = {name for name, source in sources.items() if source.is_package}
        self.scope = scope_of(question, sources, packages)
        self.family = {question.root.rpartition(":")[2].rpartition(".")[2]}
        self.family |= {qualname.rpartition(".")[2] for _, qualname, _ in members}
        self.registries = set(question.registries)
        self.tainted: set[str] = set()
        self.trees: dict[str, ast.Module | None] = {}
        self.modules: dict[str, Module] = {}
        #: Files that are no Python.
        self.broken: list[str] = []

    def told(self) -> dict[str, Any]:
        for _ in range(_ROUNDS):
            if not self._round():
                break
        else:
            return {"doubts": [["", 0, "names of members lead to ever more names"]]}
        doubts = self._doubts()
        wanted = {name for name in self.scope if name in self.sources}
        outside = sorted({module for module, _, _ in self.members} - wanted)
        if outside or any(module not in wanted for module, _, _ in doubts):
            reached = self._reached()
            doubts = [doubt for doubt in doubts if doubt[0] in reached]
            outside = [module for module in outside if module in reached]
        return {
            "doubts": doubts,
            "outside": outside,
            "members": [[module, qualname] for module, qualname, _ in self._in_order() if module in wanted],
            "classes": self._classes(),
            "needs": {module: self._needs(module) for module in sorted({m for m, _, _ in self.members} & wanted)},
            "patched": sorted(set().union(*(module.patched for module in self.modules.values()))),
        }

    # ---- which names lead to members -----------------------------------------------------------------------------

    def _round(self) -> bool:
        """Reads all files that mention a name; returns whether there are more names now."""
        names = self.family | self.registries | self.tainted
        pattern = re.compile(r"\b(?:" + "|".join(sorted(map(re.escape, names))) + r")\b")
        scope = set(self.scope)
        for name, source in self.sources.items():
            if name in scope or pattern.search(source.text):
                self._read(name)
        before = len(self.family), len(self.registries), len(self.tainted)
        for module in self.modules.values():
            self.family |= module.aliases
            self.registries |= module.registry_aliases
            self.tainted |= module.tainted
        calls = [pair for module in self.modules.values() for pair in module.calls.items()]
        grows = True
        while grows:
            more = {name for name, called in calls if called & self.tainted} - self.tainted
            self.tainted |= more
            grows = bool(more)
        return before != (len(self.family), len(self.registries), len(self.tainted))

    def _read(self, name: str) -> Module | None:
        source = self.sources.get(name)
        if source is None:
            return None
        if name not in self.trees:
            try:
                self.trees[name] = ast.parse(source.text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self.trees[name] = None
                self.broken.append(name)
        tree = self.trees[name]
        if tree is None:
            return None
        module = Module(name, source.is_package, tree, self.family, self.registries)
        self.modules[name] = module
        return module

    # ---- what is in doubt ----------------------------------------------------------------------------------------

    def _doubts(self) -> list[tuple[str, int, str]]:
        found = [(name, 0, "is no Python that can be read") for name in self.broken]
        scope = set(self.scope)
        for name, module in self.modules.items():
            found += [(name, line, text) for line, text in module.doubts]
            if name in scope:
                found += [(name, line, text) for line, text in module.raises]
            for called in module.called.keys() & self.tainted:
                found.append((name, module.called[called], f"calls {called}(), which may make or change members"))
        for name, qualname, _ in self.members:
            holder = self.modules.get(name)
            told = holder.classes.get(qualname) if holder is not None else None
            if told is None:
                found.append((name, 0, f"{qualname} is not where it was found"))
            elif told["conditional"]:
                found.append((name, told["line"], f"{qualname} is there only under a condition"))
            elif told["keywords"] or told["decorators"] or told["settings"]:
                what = ", ".join([*told["keywords"], *told["decorators"], *told["settings"]])
                found.append((name, told["line"], f"{qualname} is more than a plain class: {what}"))
            elif holder is not None and "." not in qualname and holder.bound.get(qualname) != 1:
                found.append((name, told["line"], f"the name {qualname} is bound again"))
        return sorted(found)

    def _reached(self) -> set[str]:
        """Modules that may be imported together with those that discovery imports: rather more than fewer."""
        reached: set[str] = set()
        left = [name for name in self.scope if name in self.sources]
        left += [".".join(parts[:length]) for parts in (name.split(".") for name in left) for length in range(1, len(parts))]
        left = [name for name in left if name in self.sources]
        while left:
            name = left.pop()
            if name in reached:
                continue
            reached.add(name)
            source = self.sources[name]
            if name != self.question.root.partition(":")[0] and _DYNAMIC_IMPORT.search(source.text):
                return set(self.sources)
            for named in _imported(name, source):
                parts = named.split(".")
                for length in range(1, len(parts) + 1):
                    part = ".".join(parts[:length])
                    if part in self.sources and part not in reached:
                        left.append(part)
        return reached

    # ---- what members are ----------------------------------------------------------------------------------------

    def _in_order(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Members as importing would meet them: module by module, line by line."""
        place = {name: number for number, name in enumerate(self.scope)}

        def key(member: tuple[str, str, tuple[str, ...]]) -> tuple[int, int]:
            module = self.modules.get(member[0])
            told = module.classes.get(member[1]) if module is not None else None
            return place.get(member[0], len(place)), told["line"] if told is not None else 0

        return sorted(self.members, key=key)

    def _classes(self) -> dict[str, Any]:
        """Members and whatever they derive from, as far as it is in these packages."""
        bases_of = {f"{module}:{qualname}": list(bases) for module, qualname, bases in self.members}
        told: dict[str, Any] = {}
        left = list(bases_of)
        while left:
            name = left.pop()
            if name in told or ":" not in name:
                continue
            module_name, _, qualname = name.partition(":")
            module = self.modules.get(module_name) or self._read(module_name)
            found = module.classes.get(qualname) if module is not None else None
            if module is None or found is None:
                continue
            bases = bases_of.get(name) or [_resolved(module, base) for base in found["bases"]]
            names = {key: _told(module, value) for key, value in found["names"].items()}
            told[name] = {**found, "bases": bases, "names": names}
            left += bases
        return told

    def _needs(self, module: str) -> list[str]:
        """What from elsewhere must be there for a module to be imported: topmost names, or missing modules of ours."""
        own = {name.partition(".")[0] for name in self.sources}
        seen: set[str] = set()
        found: set[str] = set()
        left = [module]
        while left:
            name = left.pop()
            if name in seen:
                continue
            seen.add(name)
            read = self.modules.get(name) or self._read(name)
            for need in read.needs if read is not None else ():
                top = need.partition(".")[0]
                if top not in own:
                    found.add(top)
                elif need in self.sources:
                    left.append(need)
                elif not self._is_inside(need):
                    found.add(need)
        return sorted(found - set(sys.stdlib_module_names))

    def _is_inside(self, name: str) -> bool:
        """Whether it is a directory without a file of its own."""
        start = f"{name}."
        return any(other.startswith(start) for other in self.sources)


def _imported(name: str, source: Source) -> Iterable[str]:
    for origin, names, plain in _IMPORT.findall(_COMMENT.sub("", source.text)):
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
    if base in module.classes:
        return f"{module.name}:{base}"
    origin = module.imports.get(first)
    if origin is None:
        return f"builtins:{base}" if first and "." not in base else base
    if ":" in origin:
        return f"{origin}.{rest}" if rest else origin
    # `import a` and `a.b.C`: everything but the last part is taken for the module.
    path = f"{origin}.{rest}"
    above, _, last = path.rpartition(".")
    return f"{above}:{last}"


def _told(module: Module, value: Any) -> Any:
    """What a name in a class body stands for: constants that go by a name are looked up."""
    if not isinstance(value, list) or value[0] != "name":
        return value
    literal = module.constant(value[1])
    if literal is not None:
        return ["literal", literal]
    first = value[1].partition(".")[0]
    return ["name", value[1], module.imports.get(first)]
