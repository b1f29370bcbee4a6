"""Packages made of pieces at random: keys that are told from source are those that importing registers."""

from __future__ import annotations

import importlib
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Tree
from test_metaclass_registry import Family

from plugcache.compat.metaclass_registry.exceptions import DuplicateRegistryKeyError

#: What a module may hold. N is the tree's name, K a key of the module's own, M the module.
PIECES = [
    "class A_M(Handler):\n    kind = 'K'",
    "class B_M(Handler):\n    kind = None",
    "class C_M(Handler):\n    kind = ('K', 1)\n    class D(Handler):\n        kind = b'K'",
    "@dataclass(frozen=True, slots=True)\nclass E_M(Handler):\n    kind = 'K'\n    size: int = 0",
    "class F_M(ABC, Handler):\n    kind = 'K'\n    @abstractmethod\n    def run(self): ...",
    "class G_M(Handler):\n    @abstractmethod\n    def run(self): ...\nclass H_M(G_M):\n    kind = 'K'\n"
    "    def run(self): ...\nclass I_M(G_M):\n    kind = 'never'",
    "class Runs:\n    def run(self): ...\nclass J_M(Handler):\n    kind = 'K'\n    run = abstractmethod(Runs.run)\n",
    "Base = Handler\nclass K_M(Base):\n    kind = 'K'",
    "from N import base as b\nclass L_M(b.Handler):\n    kind = 'K'",
    "class Names:\n    KIND = 'K'\nNAMES = Names()\nclass M_M(Handler):\n    kind = NAMES.KIND",
    "class M2_M(Handler):\n    kind = Kind.A if False else 'K'",
    "class N_M(Handler):\n    kind = Kind.B",
    "for letter in 'xy':\n    class O_M(Handler):\n        kind = 'K' + letter",
    "if len('K'):\n    class P_M(Handler):\n        kind = 'K'\nelse:\n    class Q_M(Handler):\n        kind = 'not'",
    "def make(parent):\n    return type('R_M', (parent,), {'kind': 'K'})\nR_M = make(Handler)",
    "def make():\n    class S_M(Handler):\n        kind = 'K'\n    return S_M",
    "def make():\n    class T_M(Handler):\n        kind = 'K'\n    return T_M\nclass U_M(make()):\n    kind = 'K2'",
    "class V_M(Handler):\n    pass\nV_M.kind = 'K'\nclass W_M(V_M):\n    pass",
    "from N import other\nclass X_M(other.Shared):\n    kind = 'K'",
    "from N.other import Shared as S\nclass Y_M(S):\n    pass",
    "from N.other import register\n@register\nclass Z_M(Handler):\n    kind = 'K'",
    "from N.other import harmless\n@harmless\nclass A1_M:\n    pass\nclass B1_M(Handler):\n    kind = 'K'",
    "from N.other import HOOKED\nclass C1_M(HOOKED):\n    kind = 'K'",
    "try:\n    from N.nowhere import Parent\nexcept ImportError:\n    Parent = Handler\n"
    "class D1_M(Parent):\n    kind = 'K'",
    "HANDLERS['K'] = object()",
    "from N.other import fill\nfill('K')",
    "from N.other import Filler\nFiller().fill('K')",
    "TABLE = {'parent': Handler}\nclass E1_M(TABLE['parent']):\n    kind = 'K'",
    "class F1_M(Handler, Generic[T]):\n    kind = 'K'\nclass G1_M(F1_M[int]):\n    kind = 'K3'",
    "class H1_M(Handler):\n    kind = property(lambda self: 'K')",
    "class I1_M(Handler):\n    kind: str\nclass J1_M(I1_M):\n    kind: str = 'K'",
    "def helper():\n    return Handler\nVALUE = isinstance(3, helper())",
    "import N.more",
    "(lambda parent: type('K1_M', (parent,), {'kind': 'K'}))(Handler)",
    "[type('L1_M', (one,), {'kind': 'K'}) for one in (Handler,)]",
    "with open(__file__) as file:\n    class M1_M(Handler):\n        kind = 'K'",
    "class N1_M(Handler):\n    kind = 'K'\n    if True:\n        def run(self): ...\ndel N1_M",
]

HEAD = """
from __future__ import annotations
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar
from N.base import Handler, HANDLERS
from N.kinds import Kind
T = TypeVar("T")
"""

OTHER = """
from N.base import Handler, HANDLERS
class Shared(Handler):
    kind = None
def register(cls):
    class More(cls):
        kind = cls.kind + "-more"
    return cls
def harmless(cls):
    return cls
class HOOKED(Handler):
    def __init_subclass__(cls):
        cls.kind = cls.kind + "-hooked"
def fill(key):
    HANDLERS[key] = Shared
class Filler:
    def fill(self, key):
        setattr(HANDLERS, "x", 1)
        HANDLERS.update({key: Shared})
"""


def write(family: Family, number: int) -> None:
    name, chance = family.tree.name, random.Random(number)
    family.write_base(before=f"from {name}.kinds import Kind\n")
    family.tree.write(f"{name}/kinds.py", "import enum\nclass Kind(enum.Enum):\n    A = 1\n    B = 2\n")
    family.tree.write(f"{name}/other.py", OTHER.replace("N.", f"{name}."))
    family.tree.write(f"{name}/more.py", f"from {name}.base import Handler\nclass More(Handler):\n    kind = 'm'\n")
    # Most seeds have one piece that is odd at most, so that many are told from source.
    for module in ("one", "two", "three")[: chance.choice((1, 1, 2, 3))]:
        pieces = [chance.choice(PIECES) for _ in range(chance.choice((1, 1, 2)))]
        text = HEAD + "\n".join(pieces)
        words = (("_M", f"_{module}"), ("'K", f"'{module}"), ("N.", f"{name}."), ("from N ", f"from {name} "))
        for place, word in words:
            text = text.replace(place, word)
        family.tree.write(f"{name}/plugins/{module}.py", text)


def test_told_from_source_is_what_importing_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = 0
    for number in range(160):
        root = tmp_path / str(number)
        root.mkdir()
        monkeypatch.syspath_prepend(str(root))
        family = Family(Tree(root))
        write(family, number)
        registry = family.registry
        pending = registry._pending()
        if pending is None:
            continue
        before = {key for key, _ in dict.items(registry)}
        claimed = set(pending) | before
        assert family.imported() == set()
        for file in sorted((root / family.tree.name / "plugins").glob("*.py")):
            if file.stem != "__init__":
                try:
                    importlib.import_module(f"{family.tree.package}.{file.stem}")
                except DuplicateRegistryKeyError as error:
                    raise AssertionError(f"seed {number}: {error}") from error
        found = set(dict.keys(registry))
        assert claimed == found, f"seed {number}: {claimed} are told, {found} are there"
        told += 1
        forget(family)
    # The others are imported, as there is room for doubt.
    assert told >= 10


def forget(family: Any) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == family.tree.name]:
        del sys.modules[name]
