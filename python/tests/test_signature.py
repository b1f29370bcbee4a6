"""`signature`: functions, methods and dataclasses told from source, against what `inspect` tells of them when run."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest

import plugcache as pc

from conftest import Run, Tree

SHAPES = '''
    """Shapes."""
    import functools
    import os
    from dataclasses import KW_ONLY, InitVar, dataclass, field
    from typing import ClassVar

    from .more import Named, plain

    LIMIT = 3
    NAMES = ["a"]
    NAMES.append("b")

    async def everything(
        a, /, b: "int" = -1, *rest, limit=LIMIT, home=os.sep, items=("x", None), **options
    ) -> list[int]:
        """Does it
        all.

        Parameters
        ----------
        b : int, optional
            How many.

            In pairs.
        limit, home : object
            Both.
        *rest
            Others.

        Returns
        -------
        list
            Of numbers.
        """

    def google(path: str, size=(1, 2)):
        """Reads.

        Args:
            path (str): Where it is:
                a file.
            size: How large.

        Returns:
            Nothing.
        """

    def sphinx(path, size=[0]):
        """Reads.

        :param str path: Where
            it is.
        :param size: How large.
        :return: Nothing.
        """

    @functools.lru_cache(maxsize=None)
    def kept(x, y=1):
        """Kept."""

    def named(names=NAMES, pair=(LIMIT, 1), own=[LIMIT]): ...

    def changing(function):
        def changed(z): ...
        return changed

    @changing
    def changed(x, y=1):
        """Not what it seems."""

    @dataclass
    class Point(Named):
        """A point.

        Attributes:
            x: Across.
        """

        x: int
        y: int = 2  # Down.
        #: Far.
        z: float = 0.5
        tags: list[str] = field(default_factory=list)
        """What it is
        about."""
        hidden: int = field(init=False, default=4)
        made: dict = field(default_factory=lambda: {"a": 1})
        count: ClassVar[int] = 0
        start: InitVar[int] = 9
        _: KW_ONLY
        last: bool = field(default=True, repr=False)  # noqa: E501

        def move(self, by: int = 1, *, fast=False) -> None:
            """Moves.

            :param by: How far.
            """

        @classmethod
        def origin(cls, unit="m"): ...

        @staticmethod
        def between(a, b): ...

        @property
        def size(self): ...

    class Written:
        def __init__(self, path, mode="r"):
            """Opens.

            Args:
                path: Where.
            """

    class Inherits(Written):
        pass

    class Nothing:
        class Inner:
            LIMIT = 5

            def method(self, depth=LIMIT): ...
'''
MORE = '''
    from dataclasses import dataclass

    @dataclass
    class Named:
        name: str
        alias: str | None

    def plain(x): ...
'''


@pytest.fixture
def shapes(tree: Tree) -> str:
    tree.write(f"{tree.name}/shapes.py", SHAPES)
    tree.write(f"{tree.name}/more.py", MORE)
    return f"{tree.name}.shapes"


def told(found: pc.Signature) -> list[tuple[str, str, bool, str]]:
    """As `truth`: a default that is not known is told as such."""
    rows = []
    for one in found.parameters.values():
        default = "" if one.default_source is None else "?" if one.is_dynamic else repr(one.default)
        rows.append((one.name, one.kind, one.is_required, default))
    return rows


def truth(thing: Callable[..., Any], unknown: str = "") -> list[tuple[str, str, bool, str]]:
    rows = []
    for one in inspect.signature(thing).parameters.values():
        is_rest = one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        default = "" if one.default is one.empty else "?" if one.name in unknown.split() else repr(one.default)
        # A factory's result is not in the signature.
        default = {"<factory>": "[]"}.get(default, default)
        rows.append((one.name, one.kind.name.lower(), one.default is one.empty and not is_rest, default))
    return rows


def test_a_function_is_told_as_inspect_tells_it_without_importing_it(shapes: str) -> None:
    found = pc.signature(f"{shapes}:everything")
    assert shapes not in sys.modules
    live = importlib.import_module(shapes).everything
    assert told(found) == truth(live, unknown="home")
    assert found == pc.signature(live)
    assert (found.kind, found.qualname, found.is_async, found.returns) == ("function", "everything", True, "list[int]")
    assert found.doc == inspect.getdoc(live)
    assert (found.summary, found.returns_description) == ("Does it all.", "Of numbers.")
    assert (found.file, found.line) == (live.__code__.co_filename, live.__code__.co_firstlineno)
    parameters = found.parameters
    assert parameters["b"].annotation == '"int"'
    assert parameters["b"].description == "How many.\n\nIn pairs."
    assert [parameters[name].description for name in ("limit", "home", "rest")] == ["Both.", "Both.", "Others."]
    assert (parameters["home"].default, parameters["home"].default_source) == (None, "os.sep")
    assert not found.is_dynamic


def test_what_a_caller_does_to_a_default_changes_no_other_answer(shapes: str) -> None:
    """python-introspect hands out one list for all: who appends to it changes the next analysis."""
    first = pc.signature(f"{shapes}:sphinx")
    first.parameters["size"].default.append(1)
    first.parameters.clear()
    assert pc.signature(f"{shapes}:sphinx").parameters["size"].default == [0]


@pytest.mark.parametrize("name", ["google", "sphinx"])
def test_docstrings_of_each_style_describe_parameters(shapes: str, name: str) -> None:
    found = pc.signature(f"{shapes}:{name}")
    where = "Where it is:\na file." if name == "google" else "Where\nit is."
    assert [one.description for one in found.parameters.values()] == [where, "How large."]
    assert (found.summary, found.returns_description) == ("Reads.", "Nothing.")


def test_a_default_that_was_changed_after_it_was_named_is_not_told(shapes: str) -> None:
    found = pc.signature(f"{shapes}:named")
    live = importlib.import_module(shapes).named
    assert told(found) == truth(live, unknown="names own")
    assert found.parameters["names"].default_source == "NAMES"


def test_a_decorator_that_may_change_it_is_a_doubt(shapes: str) -> None:
    module = importlib.import_module(shapes)
    kept = pc.signature(f"{shapes}:kept")
    assert not kept.is_dynamic
    assert told(kept) == truth(module.kept)
    changed = pc.signature(f"{shapes}:changed")
    assert changed.doubts == ("decorated by changing, which may change parameters and docstring",)
    assert told(changed) != truth(module.changed)


def test_a_dataclass_with_a_base_elsewhere_is_told_as_its_constructor(shapes: str) -> None:
    found = pc.signature(f"{shapes}:Point")
    assert shapes not in sys.modules
    live = importlib.import_module(shapes).Point
    expected = [(*row[:3], "?" if row[0] == "made" else row[3]) for row in truth(live)]
    assert told(found) == expected
    assert not found.is_dynamic
    described = {name: one.description for name, one in found.parameters.items() if one.description}
    assert described == {"x": "Across.", "y": "Down.", "z": "Far.", "tags": "What it is\nabout."}
    assert found == pc.signature(live)


@pytest.mark.parametrize("name", ["Written", "Inherits", "Nothing", "Named"])
def test_a_class_is_told_as_its_nearest_constructor(shapes: str, name: str) -> None:
    module = importlib.import_module(shapes)
    live = getattr(module, name)
    found = pc.signature(live)
    assert told(found) == truth(live)
    assert not found.is_dynamic
    if name == "Inherits":
        assert found.parameters["path"].description == "Where."


def test_methods_are_told_with_and_without_what_they_are_bound_to(shapes: str) -> None:
    module = importlib.import_module(shapes)
    point = module.Point("n", None, x=1)
    assert told(pc.signature(f"{shapes}:Point.move")) == truth(module.Point.move)
    assert told(pc.signature(point.move)) == truth(point.move)
    assert told(pc.signature(module.Point.origin)) == truth(module.Point.origin)
    assert told(pc.signature(module.Point.between)) == truth(module.Point.between)
    assert told(pc.signature(f"{shapes}:Nothing.Inner.method")) == truth(module.Nothing.Inner.method)
    assert pc.signature(point.move).parameters["by"].description == "How far."
    assert pc.signature(f"{shapes}:Point.size").is_dynamic


def test_a_base_of_which_nothing_is_known_is_a_doubt(tree: Tree) -> None:
    tree.write(
        f"{tree.name}/odd.py",
        "import elsewhere\nclass A(elsewhere.Base): ...\nclass B(metaclass=elsewhere.M): ...\n"
        "class C(elsewhere.C): ...\n",
    )
    unknown = pc.signature(f"{tree.name}.odd:A")
    assert not unknown.is_known
    assert unknown.doubts == ("may inherit its constructor from elsewhere.Base, which is not known",)
    assert pc.signature(f"{tree.name}.odd:B").is_dynamic
    assert not pc.signature(f"{tree.name}.odd:C").is_known


CERTAIN = """
    import enum
    import sys
    from dataclasses import dataclass

    class Mode(enum.Enum):
        FAST = "fast"

    class K:
        V = 5

    K.V = 6
    ALIAS = Mode.FAST

    def member(m=Mode.FAST, k=K.V, a=ALIAS, n=3): ...

    @dataclass
    class Options:
        mode: Mode = Mode.FAST
        v: int = K.V

    if sys.version_info >= (3, 99):
        def branch(x, new=True): ...
    else:
        def branch(x): ...

    try:
        import no_such_module_anywhere
        def attempt(a=1): ...
    except ImportError:
        def attempt(a=2, b=3): ...

    class Meta(type):
        def __call__(cls, z=1): ...

    class Base(metaclass=Meta): ...

    class Sub(Base):
        def __init__(self, a): ...

    class Changed:
        def __init__(self, a): ...
        def method(self, a): ...
        method = staticmethod(lambda q=2: q)

    def _init(self, q=3): ...
    Changed.__init__ = _init

    @dataclass
    class Again:
        a: int = 1
        a = 2
"""


@pytest.mark.parametrize(("name", "unknown"), [("member", "m k a"), ("Options", "mode v")])
def test_an_attribute_of_a_class_is_no_certain_default(tree: Tree, name: str, unknown: str) -> None:
    """A member of an enumeration was told as its value, an attribute as what it was before it was assigned anew."""
    tree.write(f"{tree.name}/certain.py", CERTAIN)
    found = pc.signature(f"{tree.name}.certain:{name}")
    live = getattr(importlib.import_module(f"{tree.name}.certain"), name)
    assert told(found) == truth(live, unknown)
    assert not found.is_dynamic


@pytest.mark.parametrize("name", ["branch", "attempt", "Sub", "Changed", "Changed.method", "Again"])
def test_what_may_be_bound_otherwise_is_doubted(tree: Tree, name: str) -> None:
    """The first of two branches was told, and what is assigned later overlooked, without a doubt."""
    tree.write(f"{tree.name}/certain.py", CERTAIN)
    assert pc.signature(f"{tree.name}.certain:{name}").is_dynamic


def test_a_function_is_found_where_it_is_exposed(shapes: str, tree: Tree) -> None:
    tree.write(f"{tree.name}/__init__.py", "from .more import plain\n")
    assert pc.signature(f"{tree.name}:plain").module == f"{tree.name}.more"


def test_edits_are_seen_at_the_next_question(tree: Tree) -> None:
    head = "from dataclasses import dataclass\n"
    tree.write(f"{tree.name}/base.py", f"{head}@dataclass\nclass A:\n    x: int = 1\n")
    tree.write(f"{tree.name}/sub.py", f"{head}from .base import A\n@dataclass\nclass B(A):\n    y: int = 2\n")
    name = f"{tree.name}.sub:B"
    assert list(pc.signature(name).parameters) == ["x", "y"]
    tree.write(f"{tree.name}/base.py", f"{head}@dataclass\nclass A:\n    z: int = 1\n")
    assert list(pc.signature(name).parameters) == ["z", "y"]
    with pytest.raises(pc.UnknownPluginError, match="defines no such"):
        pc.signature(f"{tree.name}.sub:C")
    tree.write(f"{tree.name}/sub.py", "def C(now): ...\n")
    assert list(pc.signature(f"{tree.name}.sub:C").parameters) == ["now"]


def test_what_has_no_place_in_a_source_is_refused() -> None:
    def inner() -> None: ...

    for thing in (inner, lambda: None, len, print):
        with pytest.raises(pc.ConfigError, match="signature of"):
            pc.signature(thing)
    with pytest.raises(pc.ConfigError, match="module:qualname"):
        pc.signature("json.dumps")
    with pytest.raises(pc.ConfigError, match="nowhere on sys.path"):
        pc.signature("no_such_package_anywhere:f")


def test_functions_of_a_script_are_told(run: Run) -> None:
    program = """
        import plugcache as pc

        def main(path, depth=3): ...

        print(list(pc.signature(main).parameters))
    """
    assert run(program) == "['path', 'depth']"


def test_a_second_process_reads_the_answer_from_the_index(shapes: str, tree: Tree, run: Run) -> None:
    program = f"""
        import sys
        import plugcache as pc
        from plugcache import _signature
        sys.path.insert(0, {str(tree.root)!r})
        print(list(pc.signature("{shapes}:Point").parameters)[:2], {tree.name!r} in sys.modules)
        (index,) = _signature._indexes.values()
        print(index.explain("{shapes}:Point").splitlines()[2].split(":")[0])
    """
    assert run(program).splitlines()[0] == "['name', 'alias'] False"
    assert run(program).splitlines() == ["['name', 'alias'] False", "  answered   from the index"]
