"""What one file does while it is imported, as far as a family of classes is concerned: read from its syntax.

A file is looked at only if it mentions a name of the family, or lies where discovery would import it. Whatever may make
a member, change a key or touch a registry in another way than by a plain class statement is a *doubt*: names are taken
for what they are called, wherever they come from, so that a doubt is seen once too often rather than once too rarely.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Calls that are given classes and do nothing with them but look.
_LOOKS = {
    "isinstance", "issubclass", "cast", "TypeVar", "NewType", "ParamSpec", "getLogger", "super", "repr", "str", "id",
    "get_type_hints", "len", "getattr", "hasattr", "list", "sorted", "set", "dict", "tuple", "print", "format",
}  # fmt: skip

#: Decorators that leave a class what it is, or make it again from the same statement.
_HARMLESS_DECORATORS = {"dataclass", "final", "runtime_checkable", "total_ordering", "override", "unique"}

#: Calls that make classes, or run text.
_MAKERS = {"new_class", "make_dataclass", "exec", "eval", "__build_class__"}

#: Calls that are given a `__path__` and look what is there.
_READ_PATHS = {
    "iter_modules", "walk_packages", "list", "tuple", "iter", "str", "len", "hasattr", "discover_registry_classes",
    "discover_registry_classes_recursive",
}  # fmt: skip

#: Functions that import what they are told, and what stands for any of them.
DYNAMIC_IMPORT = {"import_module", "__import__", "walk_packages", "iter_modules", "run_path", "run_module"}
DYNAMIC = "importlib.import_module"

_MUTATORS = {"pop", "popitem", "clear", "update", "setdefault", "__setitem__", "__delitem__"}

#: In the body of a class: something else than its parents say.
SETTINGS = {
    "__registry__", "__registry_config__", "__registry_key__", "__key_extractor__", "__skip_if_no_key__",
    "__registry_family__", "__secondary_registries__", "__registry_name__", "__replaces_registered__",
    "__init_subclass__", "__class_getitem__", "__abstractmethods__", "__mro_entries__", "__prepare__",
}  # fmt: skip

_ABSTRACT = {"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"}


def last_name(node: ast.expr | None) -> str:
    """What something is called: `c` of `a.b.c`, of `c(…)` and of `c[…]`."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def dotted(node: ast.expr | None) -> str:
    """`a.b.c` of such a node, of its call and of its subscript; empty for any other."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        above = dotted(node.value) if isinstance(node.value, (ast.Name, ast.Attribute)) else ""
        return f"{above}.{node.attr}" if above else ""
    return ""


def path_of(node: ast.expr) -> str:
    """The dotted name of what is called; `?.name` where it is an attribute of something without a name."""
    if isinstance(node, ast.Call):
        return "?"
    return dotted(node) or f"?.{last_name(node)}"


class Function(NamedTuple):
    """What a function would do if it were called."""

    calls: set[str]
    #: Modules, and names in them, that it imports.
    imports: set[str]
    #: What it does with a member or a registry; empty: nothing.
    touches: str
    #: The same if it is given one.
    touches_given: str
    #: What classes that it makes derive from.
    bases: set[str]


class Module:
    """What one file does when it is imported."""

    def __init__(
        self,
        name: str,
        is_package: bool,
        tree: ast.Module,
        family: set[str],
        registries: set[str],
        tops: set[str],
    ) -> None:
        self.name = name
        self.is_package = is_package
        self.family = family
        self.registries = registries
        #: Topmost packages that are looked at.
        self.tops = tops
        #: Line and text of each doubt.
        self.doubts: list[tuple[int, str]] = []
        #: Lines where importing it may fail by its own will.
        self.raises: list[tuple[int, str]] = []
        #: Functions and methods by qualified name: what each calls, and what it does with members, if anything.
        self.functions: dict[str, Function] = {}
        #: What is called while the module is imported: dotted name and line.
        self.called: dict[str, int] = {}
        #: The texts that each call is given; None: something else, too.
        self.texts: dict[str, list[str] | None] = {}
        #: Calls that are given a member or a registry: line and dotted name.
        self.given: list[tuple[int, str]] = []
        #: Modules, and names in them, that are imported with it, some perhaps under a condition.
        self.imported: set[str] = set()
        #: Names of this module that stand for things from elsewhere, which know of no member.
        self.foreign: set[str] = set()
        #: Names of texts, numbers, lists and the like, whose methods know of no member.
        self.plain: set[str] = set()
        #: Modules of which all names are imported.
        self.stars: list[str] = []
        #: Class statements that run without condition, by qualified name.
        self.classes: dict[str, dict[str, Any]] = {}
        #: Attributes that are set on members later.
        self.patched: set[str] = set()
        #: What each name stands for: where it is imported from.
        self.imports: dict[str, str] = {}
        #: Modules without which this one cannot be imported.
        self.needs: set[str] = set()
        #: Instances of classes that only hold constants: name to class.
        self._instances: dict[str, str] = {}
        self.bound: dict[str, int] = {}
        #: Lines that may change where modules of a package are looked for.
        self.paths = [(line, "may change __path__") for line in _paths(tree)]
        #: All that names may stand for, wherever they are imported: in functions, too.
        self.origins: dict[str, list[str]] = {}
        #: Names that may stand for something else, or for nothing, by the time that they are used.
        self.unsure: set[str] = set()
        #: What the class body that is read now binds; None: the module.
        self._current: dict[str, Any] | None = None
        self._scope: list[str] = []
        self._prepare(tree)
        self._block(tree.body, False, None)

    # ---- statements that run at import ---------------------------------------------------------------------------

    def _prepare(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.partition(".")[0]
                    self._add_origin(alias.asname or first, alias.name if alias.asname else first)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._add_origin(alias.asname or alias.name, f"{self._origin(node)}:{alias.name}")
            elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.Name, ast.Attribute)):
                if last_name(node.value) in DYNAMIC_IMPORT:
                    for target in node.targets:
                        self._add_origin(last_name(target), f"importlib:{last_name(node.value)}")
            elif isinstance(node, ast.Global):
                self.unsure.update(node.names)

    def _add_origin(self, name: str, origin: str) -> None:
        known = self.origins.setdefault(name, [])
        if origin not in known:
            known.append(origin)

    def origin(self, name: str) -> str | None:
        """Where a name is imported from, if that is the only thing it can stand for."""
        return self.imports.get(name) if self.bound.get(name) == 1 and name not in self.unsure else None

    def is_sure(self, name: str) -> bool:
        """Whether a name is bound once, or not in this file."""
        return self.bound.get(name, 0) < 2 and name not in self.unsure

    def doubt(self, node: ast.AST, text: str) -> None:
        self.doubts.append((getattr(node, "lineno", 0), text))

    def _block(self, body: Iterable[ast.stmt], conditional: bool, body_of: dict[str, Any] | None) -> None:
        for statement in body:
            self._statement(statement, conditional, body_of)

    def _statement(self, node: ast.stmt, conditional: bool, body_of: dict[str, Any] | None) -> None:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node, conditional, body_of)
        elif isinstance(node, ast.ClassDef):
            self._class(node, conditional, body_of)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, conditional, body_of)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            self._assign(node, conditional, body_of)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._delete(target, body_of)
        elif isinstance(node, ast.If):
            test = last_name(node.test)
            if test == "TYPE_CHECKING" or _is_main(node.test):
                self._block(node.orelse, conditional, body_of)
                return
            self._expression(node.test)
            self._block([*node.body, *node.orelse], True, body_of)
        elif isinstance(node, ast.Raise):
            self.raises.append((node.lineno, "raises while it is imported"))
        else:
            self._compound(node, body_of)

    def _compound(self, node: ast.stmt, body_of: dict[str, Any] | None) -> None:
        """`for`, `while`, `with`, `try`, `match`, expressions: their expressions, and their blocks."""
        for field in ast.iter_child_nodes(node):
            if isinstance(field, ast.expr):
                self._expression(field)
                self._stores(field)
            elif isinstance(field, ast.stmt):
                self._statement(field, True, body_of)
            elif isinstance(field, ast.withitem):
                self._expression(field.context_expr)
                if field.optional_vars is not None:
                    self._stores(field.optional_vars)
            else:
                for part in ast.iter_child_nodes(field):
                    if isinstance(part, ast.expr):
                        self._expression(part)
                    elif isinstance(part, ast.pattern):
                        self._pattern(part)
                if isinstance(field, ast.ExceptHandler) and field.name:
                    self._bind(field.name, body_of, field, "unsure")
                # Handlers of `try`, cases of `match`.
                self._block((part for part in ast.iter_child_nodes(field) if isinstance(part, ast.stmt)), True, body_of)

    def _stores(self, target: ast.AST) -> None:
        """Binds what `for`, `with` and `match` assign to: what it is, only running tells."""
        for node in _walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._bind(node.id, self._current, node, "unsure")
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                self.patched.add(node.attr)
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and self._is_registry(node.value):
                self.doubt(node, "writes into a registry")

    def _pattern(self, pattern: ast.pattern) -> None:
        for node in ast.walk(pattern):
            name = node.name if isinstance(node, (ast.MatchAs, ast.MatchStar)) else None
            name = node.rest if isinstance(node, ast.MatchMapping) else name
            if name:
                self._bind(name, self._current, node, "unsure")
            if isinstance(node, ast.Call):
                self._call(node)

    def _import(
        self, node: ast.Import | ast.ImportFrom, conditional: bool, body_of: dict[str, Any] | None
    ) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imported.add(alias.name)
                if not conditional:
                    self.needs.add(alias.name)
                first = alias.name if alias.asname else alias.name.partition(".")[0]
                name = alias.asname or first
                # `import a` and `import a.b` bind the same.
                if body_of is not None or self.imports.get(name) != first:
                    self._bind(name, body_of, node)
                self._stands_for(name, first, conditional, body_of)
            return
        origin = self._origin(node)
        if not conditional and origin:
            self.needs.add(origin)
        for alias in node.names:
            name = alias.asname or alias.name
            self.imported.add(f"{origin}.{alias.name}")
            self._bind(name, body_of, node)
            self._stands_for(name, f"{origin}:{alias.name}", conditional, body_of)
            if alias.name == "*":
                self.stars.append(origin)

    def _stands_for(self, name: str, origin: str, conditional: bool, body_of: dict[str, Any] | None) -> None:
        if body_of is not None:
            self.imports.setdefault(name, origin)
            return
        self.imports[name] = origin
        if conditional:
            self.unsure.add(name)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - node.level + (1 if self.is_package else 0)]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _bind(self, name: str, body_of: dict[str, Any] | None, node: ast.AST, kind: Any = "plain") -> None:
        if body_of is not None:
            names = body_of["names"]
            if name in names and names[name] != kind:
                # What stays is decided by what runs; it may be abstract if one of them is.
                kind = "maybe" if {"abstract", "maybe"} & {str(kind), str(names[name])} else "unsure"
            names[name] = kind
            if name in SETTINGS:
                body_of["settings"].append(name)
        else:
            self.bound[name] = self.bound.get(name, 0) + 1
            # A plain assignment is the one thing that it is, even if its value is computed.
            if kind in ("unsure", "maybe") and not isinstance(node, (ast.Assign, ast.AnnAssign)):
                self.unsure.add(name)

    def _class(self, node: ast.ClassDef, conditional: bool, body_of: dict[str, Any] | None) -> None:
        decorators = [last_name(one) for one in node.decorator_list]
        for part in node.decorator_list:
            self._expression(part, is_decorator=True)
        for part in [*node.bases, *(keyword.value for keyword in node.keywords)]:
            self._expression(part)
        qualname = ".".join([*self._scope, node.name])
        told: dict[str, Any] = {
            "line": node.lineno,
            "bases": [dotted(base) for base in node.bases],
            "keywords": [keyword.arg or "**" for keyword in node.keywords],
            "decorators": [name or "?" for name in decorators if name not in _HARMLESS_DECORATORS],
            "names": {},
            "settings": [],
            "conditional": conditional,
        }
        if qualname in self.classes:
            self.doubt(node, f"{qualname} is defined twice")
        self.classes[qualname] = told
        self._bind(node.name, body_of, node)
        if not all(told["bases"]) and not _is_harmless_base(node):
            self.doubt(node, f"{qualname} has a base that only running tells")
        self._scope.append(node.name)
        above, self._current = self._current, told
        self._block(node.body, False, told)
        self._current = above
        self._scope.pop()

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, conditional: bool, body_of: dict[str, Any] | None
    ) -> None:
        decorators = [last_name(one) for one in node.decorator_list]
        kind = "abstract" if any(name in _ABSTRACT for name in decorators) else "plain"
        if conditional:
            kind = "unsure" if kind == "plain" else "maybe"
        if decorators and decorators[0] in ("setter", "getter", "deleter", "overload"):
            kind = body_of["names"].get(node.name, "unsure") if body_of else kind
        self._bind(node.name, body_of, node, kind)
        arguments = node.args
        for part in node.decorator_list:
            self._expression(part, is_decorator=True)
        for part in [*arguments.defaults, *filter(None, arguments.kw_defaults)]:
            self._expression(part)
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        names = {one.arg for one in given if one is not None}
        self._body(".".join([*self._scope, node.name]), node.body, body_of is not None, names)

    def _assign(
        self, node: ast.Assign | ast.AnnAssign | ast.AugAssign, conditional: bool, body_of: dict[str, Any] | None
    ) -> None:
        value = node.value
        if value is not None:
            self._expression(value)
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            self._target(target, node, conditional, body_of)

    def _target(
        self,
        target: ast.expr,
        node: ast.Assign | ast.AnnAssign | ast.AugAssign,
        conditional: bool,
        body_of: dict[str, Any] | None,
    ) -> None:
        value = node.value
        if isinstance(target, (ast.Attribute, ast.Subscript)):
            self._expression(target)
        if isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._target(part.value if isinstance(part, ast.Starred) else part, node, True, body_of)
        elif isinstance(target, ast.Name):
            if value is None:
                return
            self._bind(target.id, body_of, node, _value(value, conditional or isinstance(node, ast.AugAssign)))
            if isinstance(node, ast.AugAssign) and target.id in self.registries:
                self.doubt(node, f"changes {target.id}")
            if body_of is None:
                if conditional:
                    self.unsure.add(target.id)
                self._remember(target.id, value, conditional)
        elif isinstance(target, ast.Attribute):
            self.patched.add(target.attr)
        elif isinstance(target, ast.Subscript) and self._is_registry(target.value):
            self.doubt(node, "writes into a registry")

    def _remember(self, name: str, value: ast.expr, conditional: bool) -> None:
        """What a name of the module stands for, where that is of use."""
        if isinstance(value, (ast.Constant, ast.JoinedStr, ast.Dict, ast.List, ast.Set, ast.Tuple)):
            self.plain.add(name)
        elif isinstance(value, ast.Call):
            origin = self.imports.get(dotted(value.func).partition(".")[0], "")
            if origin and origin.partition(".")[0].partition(":")[0] not in self.tops:
                self.foreign.add(name)
            if isinstance(value.func, ast.Name) and not value.args and not value.keywords and not conditional:
                self._instances[name] = value.func.id

    def _delete(self, target: ast.expr, body_of: dict[str, Any] | None) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._delete(part, body_of)
        elif isinstance(target, ast.Name):
            self._bind(target.id, body_of, target, "unsure")
            if target.id in self.family | self.registries:
                self.doubt(target, f"deletes {target.id}")
        elif isinstance(target, ast.Attribute):
            self.patched.add(target.attr)
        elif isinstance(target, ast.Subscript) and self._is_registry(target.value):
            self.doubt(target, "deletes from a registry")

    def _is_registry(self, node: ast.expr) -> bool:
        return last_name(node) in self.registries or last_name(node) == "__registry__"

    # ---- expressions that are computed at import -----------------------------------------------------------------

    def _expression(self, node: ast.expr, *, is_decorator: bool = False) -> None:
        for part in _walk(node):
            if isinstance(part, ast.Call):
                self._call(part)
                name = last_name(part.func)
                if name in ("locals", "vars", "globals") and not part.args:
                    self.doubt(part, f"may bind names through {name}()")
            elif isinstance(part, ast.NamedExpr):
                self._bind(part.target.id, self._current, part, "unsure")
        called = {id(part.func) for part in _walk(node) if isinstance(part, ast.Call)}
        for part in _walk(node):
            if id(part) not in called and self._is_import_itself(part):
                self.called.setdefault(DYNAMIC, node.lineno)
                self.texts[DYNAMIC] = None
        if is_decorator and isinstance(node, (ast.Name, ast.Attribute)):
            # Without arguments it is called, too.
            self.called.setdefault(path_of(node), node.lineno)

    def _is_import_itself(self, node: ast.AST) -> bool:
        """Whether it stands for a function that imports what it is told."""
        if isinstance(node, ast.Attribute):
            return node.attr in DYNAMIC_IMPORT
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return False
        names = [node.id, *(origin.rpartition(":")[2] for origin in self.origins.get(node.id, ()) if ":" in origin)]
        return any(name in DYNAMIC_IMPORT for name in names)

    def _call(self, node: ast.Call) -> None:
        name = last_name(node.func)
        path = path_of(node.func)
        self.called.setdefault(path, node.lineno)
        texts = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        known = self.texts.get(path, [])
        is_told = known is not None and len(texts) == len(node.args)
        self.texts[path] = [*(known or []), *texts] if is_told else None
        if name in _MAKERS or (name == "type" and len(node.args) == 3):
            self.doubt(node, f"{name}() makes classes, or runs text")
        if name == "setattr" and len(node.args) > 1:
            attribute = node.args[1]
            if isinstance(attribute, ast.Constant) and isinstance(attribute.value, str):
                self.patched.add(attribute.value)
            elif self._given(node):
                self.doubt(node, "sets computed attributes of a member")
        elif name not in _LOOKS and self._given(node):
            self.given.append((node.lineno, path))
        if isinstance(node.func, ast.Attribute):
            holder = node.func.value
            if self._is_registry(holder) and name in _MUTATORS:
                self.doubt(node, f"changes a registry with {name}()")
            elif last_name(holder) in self.family and not isinstance(holder, ast.Call):
                self.doubt(node, f"calls {name}() of a member")

    def _given(self, node: ast.Call) -> bool:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        return any(self._is_value(part) for part in given)

    def _is_value(self, node: ast.expr) -> bool:
        """Whether a member or a registry itself is in there, and not only something of it."""
        if isinstance(node, ast.Attribute):
            return node.attr in self.family or self._is_registry(node)
        if isinstance(node, ast.Name):
            return node.id in self.family or node.id in self.registries
        if isinstance(node, ast.Call):
            # That call is looked at by itself; what comes back of a member's own is an instance.
            return False
        return any(self._is_value(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))

    # ---- functions: what they would do if they were called -------------------------------------------------------

    def _body(self, qualname: str, body: list[ast.stmt], is_method: bool, names: set[str]) -> None:
        is_member = is_method and self._scope[-1] in self.family
        known = self.family | ({"cls", "__class__"} if is_member else set())
        calls: set[str] = set()
        imports: set[str] = set()
        bases: set[str] = set()
        touches = touches_given = ""
        for statement in body:
            for node in ast.walk(statement):
                if self._is_import_itself(node):
                    calls.add(DYNAMIC)
                if isinstance(node, ast.Call):
                    calls.add(path_of(node.func))
                elif isinstance(node, ast.ClassDef):
                    bases.update(dotted(base) for base in node.bases)
                elif isinstance(node, ast.Import):
                    imports.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    origin = self._origin(node)
                    imports.update(f"{origin}.{alias.name}" for alias in node.names)
                touches = touches or self._touches(node, known)
                touches_given = touches_given or self._touches(node, known | names)
        before = self.functions.get(qualname)
        if before is not None:
            # Properties, overloads, and what is defined again: all of them count.
            calls, imports = calls | before.calls, imports | before.imports
            bases |= before.bases
            touches, touches_given = touches or before.touches, touches_given or before.touches_given
        self.functions[qualname] = Function(calls, imports, touches, touches_given, bases)

    def _touches(self, node: ast.AST, known: set[str]) -> str:
        """What a statement or an expression in a function does with a member or a registry."""
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Call):
            name = last_name(node.func)
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            is_method = isinstance(node.func, ast.Attribute)
            if name in ("exec", "eval") and not is_method:
                return f"line {line}: runs text"
            if name in ("new_class", "__build_class__") or (name == "type" and len(node.args) == 3):
                return f"line {line}: makes a class by calling {name}()"
            if is_method and name in _MUTATORS and self._is_registry(node.func.value):  # type: ignore[attr-defined]
                return f"line {line}: changes a registry"
            if name not in _LOOKS and any(_mentions(part, known | self.registries) for part in given):
                return f"line {line}: gives a member or a registry to {name or 'a call'}()"
        elif isinstance(node, ast.ClassDef):
            if any(last_name(base) in known or not dotted(base) for base in node.bases):
                return f"line {line}: makes a class that may be a member"
        elif isinstance(node, (ast.Assign, ast.Delete)):
            if any(isinstance(one, ast.Subscript) and self._is_registry(one.value) for one in node.targets):
                return f"line {line}: writes into a registry"
        return ""

    # ---- what is told --------------------------------------------------------------------------------------------

    def constant(self, expression: str) -> Any:
        """The literal's source that `NAME.ATTRIBUTE` stands for, where NAME is an instance of a class that does
        nothing but hold constants; else None."""
        name, _, attribute = expression.partition(".")
        told = self.classes.get(self._instances.get(name, ""))
        if told is None or self.bound.get(name) != 1 or attribute in self.patched or name in self.unsure:
            return None
        names = told["names"]
        hooks = {"__init__", "__new__", "__getattr__", "__getattribute__", "__slots__"}
        if told["bases"] or told["keywords"] or told["decorators"] or told["conditional"] or hooks & names.keys():
            return None
        found = names.get(attribute)
        return found[1] if isinstance(found, list) and found[0] == "literal" else None


def _value(node: ast.expr, unsure: bool) -> Any:
    """How a name in a class body is told: a literal with its source, an expression, or that it may be either."""
    if any(last_name(part) in _ABSTRACT for part in ast.walk(node) if isinstance(part, (ast.Name, ast.Attribute))):
        return "maybe"
    if unsure:
        return "unsure"
    try:
        literal = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        path = dotted(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        return ["name", path] if path else "unsure"
    return ["literal", literal] if _can_be_kept(literal) else "plain"


def _can_be_kept(value: Any) -> bool:
    if type(value) in (tuple, frozenset):
        return all(_can_be_kept(part) for part in value)
    return value is None or type(value) in (str, int, float, bool, bytes)


def _walk(node: ast.AST) -> Iterable[ast.AST]:
    """What is computed together with an expression: not what is in a `lambda`."""
    left: list[ast.AST] = [node]
    while left:
        part = left.pop()
        yield part
        if not isinstance(part, ast.Lambda):
            left.extend(ast.iter_child_nodes(part))
        else:
            left.extend(part.args.defaults)


def _mentions(node: ast.AST, names: set[str]) -> bool:
    """Whether one of them is in there by itself, or as the last part of a dotted name."""
    if isinstance(node, ast.Attribute):
        return node.attr in names
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Call):
        return False
    return any(_mentions(part, names) for part in ast.iter_child_nodes(node))


def _paths(tree: ast.Module) -> Iterable[int]:
    """Lines that do more with `__path__` than to look what is there."""
    read: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and last_name(node.func) in _READ_PATHS:
            read.update(map(id, [*node.args, *(keyword.value for keyword in node.keywords)]))
        name = ""
        if isinstance(node, ast.Constant):
            name = node.value if isinstance(node.value, str) else ""
        elif isinstance(node, (ast.Name, ast.Attribute)):
            name = last_name(node)
        elif isinstance(node, ast.alias):
            name = node.name
        if name in ("__path__", "extend_path") and id(node) not in read:
            yield getattr(node, "lineno", 0)


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and last_name(test.left) == "__name__"


def _is_harmless_base(node: ast.ClassDef) -> bool:
    told = [base for base in node.bases if not dotted(base)]
    return all(isinstance(base, ast.Call) and last_name(base) in ("namedtuple", "NamedTuple") for base in told)
