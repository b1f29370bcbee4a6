"""`Functions`: a library's public functions against the truth of importing it."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc

from conftest import Run, Tree


@pytest.fixture
def library(tree: Tree) -> str:
    """A library that exposes functions in every way that the tests are about."""
    name = tree.name
    tree.write(f"{name}/__init__.py", "")
    tree.write(
        f"{name}/filters/__init__.py",
        """
        import lazy_loader as lazy

        __getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
        """,
    )
    tree.write(
        f"{name}/filters/__init__.pyi",
        """
        __all__ = ["gaussian", "median", "rank"]

        from . import rank
        from ._smooth import gaussian, Kernel
        from ._smooth import gaussian as blur
        from ._median import median
        """,
    )
    tree.write(
        f"{name}/filters/_smooth.py",
        '''
        """Not public."""
        def gaussian(image, sigma=1.0, *, mode="nearest"):
            """Blurs.

            Parameters
            ----------
            sigma : float
                How much.
            """
            return helper(image)

        def helper(image): ...

        class Kernel: ...
        ''',
    )
    tree.write(f"{name}/filters/_median.py", "import functools\n@functools.cache\ndef median(image, size=3): ...\n")
    tree.write(
        f"{name}/filters/rank.py",
        "__all__ = ['median', 'mean']\nfrom ._fast import mean\ndef median(image): ...\n",
    )
    tree.write(f"{name}/filters/_fast.cpython-311-x86_64-linux-gnu.so", "")
    tree.write(
        f"{name}/stars/__init__.py",
        "from ._one import *\nfrom ._two import *\nfrom ._two import _quiet\ndel gone\n",
    )
    tree.write(
        f"{name}/stars/_one.py",
        "__all__ = ['one', '_hidden']\ndef one(a): ...\ndef _hidden(): ...\ndef unlisted(): ...\n",
    )
    tree.write(f"{name}/stars/_two.py", "from json import dumps\ndef two(b): ...\ndef gone(): ...\ndef _quiet(): ...\n")
    tree.write(
        f"{name}/stars/made.py",
        "import functools\ndef f(x): ...\ng = functools.partial(f, 1)\nif f:\n    def h(): ...\n",
    )
    tree.write(f"{name}/tests/test_all.py", "def test_one(): ...\n")
    return name


def test_what_public_modules_expose_is_listed_and_nothing_imported(library: str, tree: Tree) -> None:
    functions = pc.Functions("mine", package=library)
    names = [
        "filters.blur",
        "filters.gaussian",
        "filters.median",
        "filters.rank.median",
        # `gone` is deleted where it was taken over, and `dumps` is another library's.
        "stars.made.f",
        "stars.one",
        "stars.two",
    ]
    # The base that every tree has is no part of this.
    assert list(functions) == names
    assert len(functions) == len(names) == len(functions.records)
    record = functions.records["filters.gaussian"]
    assert (record.module, record.qualname, record.tags) == (f"{library}.filters._smooth", "gaussian", ("filters",))
    assert record.exports == (f"{library}.filters.gaussian",)
    assert functions.records["filters.rank.median"].tags == ("filters", "rank")
    signature = record.signature
    assert signature is not None
    assert (signature.summary, signature.parameters["sigma"].description) == ("Blurs.", "How much.")
    assert functions.unavailable == {
        f"{library}.filters.rank.mean": f"{library}.filters._fast.mean is in compiled code",
        f"{library}.stars.made.h": "is bound under a condition",
    }
    assert library not in sys.modules


def test_a_function_is_asked_for_by_the_end_of_its_name(library: str) -> None:
    functions = pc.Functions("mine", package=library)
    assert functions.record("gaussian").name == "filters.gaussian"
    assert functions.record(f"{library}.stars.one").name == "stars.one"
    assert functions.record("rank.median").name == "filters.rank.median"
    assert "gaussian" in functions
    assert "median" in functions
    with pytest.raises(pc.AmbiguousPluginError, match="filters.median, filters.rank.median"):
        functions.record("median")
    with pytest.raises(pc.UnknownPluginError, match="compiled code"):
        functions["mean"]
    with pytest.raises(pc.UnknownPluginError, match="did you mean"):
        functions["filters.gausian"]
    assert "helper" not in functions


def test_using_one_imports_the_modules_that_lead_to_it(library: str, tree: Tree) -> None:
    tree.write(f"{library}/filters/__init__.py", "from ._smooth import gaussian\nfrom ._median import median\n")
    functions = pc.Functions("mine", package=library)
    assert functions["two"].__name__ == "two"
    below = {name.removeprefix(library) for name in sys.modules if name.startswith(library)}
    assert below == {"", ".stars", ".stars._one", ".stars._two"}
    assert functions["filters.median"](1) is None


def test_what_changes_on_disk_changes_the_next_answer(library: str, tree: Tree) -> None:
    functions = pc.Functions("mine", package=library)
    assert "filters.rank.median" in functions
    tree.write(f"{library}/filters/rank.py", "def maximum(image): ...\n")
    assert "filters.rank.median" not in functions
    assert functions.record("maximum").name == "filters.rank.maximum"
    tree.write(f"{library}/filters/__init__.pyi", "from ._smooth import helper\n")
    assert [name for name in functions if name.startswith("filters.")] == ["filters.helper", "filters.rank.maximum"]
    (tree.root / library / "filters" / "__init__.pyi").unlink()
    assert [name for name in functions if name.startswith("filters.")] == ["filters.rank.maximum"]
    assert functions.unavailable[f"{library}.filters.*"] == "exposes names that are in a stub that is not there"


#: What running tells: every function that a public module exposes, its parameters and docstring.
TRUTH = """
    import importlib, inspect, json, pkgutil, sys, warnings

    package = sys.argv[1]
    warnings.simplefilter("ignore")

    def is_public(name):
        parts = name.split(".")
        hidden = any(part.startswith("_") or part in ("tests", "test", "conftest") for part in parts)
        return not hidden and not parts[-1].startswith("test_")

    modules = {package: importlib.import_module(package)}
    waiting = [modules[package]]
    while waiting:
        one = waiting.pop()
        for found in pkgutil.iter_modules(one.__path__, one.__name__ + "."):
            if is_public(found.name):
                modules[found.name] = importlib.import_module(found.name)
                waiting += [modules[found.name]] if found.ispkg else []
    told = {}
    for name, module in modules.items():
        listed = getattr(module, "__all__", None)
        for one in dir(module) if listed is None else listed:
            value = getattr(module, one, None)
            home = getattr(value, "__module__", None) or ""
            if not inspect.isroutine(value) or one.startswith("_") and listed is None:
                continue
            if listed is None and home != name and not (hasattr(module, "__path__") and home.startswith(package)):
                continue
            rows = [
                (p.name, p.kind.name.lower(), None if p.default is p.empty else repr(p.default))
                for p in inspect.signature(value).parameters.values()
            ]
            told[f"{name}.{one}"] = [home, value.__qualname__, rows, inspect.getdoc(value)]
    print(json.dumps(told))
"""


@pytest.mark.parametrize(("package", "known"), [("skimage", 700), ("scipy.ndimage", 70)])
def test_real_libraries_are_told_as_importing_them_tells(package: str, known: int, run: Run) -> None:
    if importlib.util.find_spec(package.split(".")[0]) is None:
        pytest.skip(f"{package} is installed for the first Python only")
    truth: dict[str, Any] = json.loads(run(TRUTH, package, PYTHONWARNINGS="ignore"))
    functions = pc.Functions(package, package=package)
    ours = {name: record for record in functions.index.records() for name in record.exports}
    assert package.split(".")[0] not in sys.modules
    unavailable = functions.unavailable
    outcome: Counter[str] = Counter()
    wrong = [f"{name} is no function" for name in ours if name not in truth]
    for name, (module, qualname, rows, doc) in truth.items():
        if name not in ours:
            outcome["unavailable" if name in unavailable else "missing"] += 1
            continue
        signature = ours[name].signature
        assert signature is not None
        told = [
            [one.name, one.kind, "?" if one.is_dynamic else None if one.default_source is None else repr(one.default)]
            for one in signature.parameters.values()
        ]
        # A default of which only the source is told says no more than that there is one.
        for row, mine in zip(rows, told):
            row[2] = "?" if row[2] and mine[2] == "?" else row[2]
        equal = told == rows and signature.doc == doc and (signature.module, signature.qualname) == (module, qualname)
        outcome["equal" if equal else "doubted" if signature.is_dynamic else "wrong"] += 1
        if not equal and not signature.is_dynamic:
            wrong.append(f"{name}: {told} {rows}")
    print(package, dict(outcome))
    assert wrong == []
    assert outcome["missing"] == 0
    assert outcome["equal"] + outcome["doubted"] >= known
    # A name that cannot be told is one of compiled code, or made while importing.
    assert outcome["unavailable"] < 0.01 * len(truth) or package == "scipy.ndimage"


def test_a_second_process_lists_a_real_library_from_the_index(run: Run) -> None:
    if importlib.util.find_spec("skimage") is None:
        pytest.skip("skimage is installed for the first Python only")
    program = """
        import sys
        import plugcache as pc
        functions = pc.Functions("skimage", package="skimage")
        print(len(functions) > 400, functions.records["filters.gaussian"].signature.parameters["sigma"].default)
        print(functions.explain("filters.gaussian").splitlines()[2].split(":")[0], "numpy" in sys.modules)
    """
    run(program)
    assert run(program).splitlines() == ["True 1.0", "  answered   from the index False"]


def test_using_one_of_a_real_library_imports_its_module(run: Run) -> None:
    if importlib.util.find_spec("skimage") is None:
        pytest.skip("skimage is installed for the first Python only")
    program = """
        import sys
        import plugcache as pc
        functions = pc.Functions("skimage", package="skimage")
        gaussian = functions["gaussian"]
        parts = [name.split(".") for name in sys.modules]
        print(gaussian.__module__, sorted(part[1] for part in parts if part[0] == "skimage" and len(part) == 2))
        import skimage.filters
        print(gaussian is skimage.filters.gaussian)
    """
    module, identity = run(program, PYTHONWARNINGS="ignore").splitlines()
    # That is where `skimage.filters.gaussian` is defined.
    assert module == "skimage._shared.filters ['_shared']"
    assert identity == "True"
