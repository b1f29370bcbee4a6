"""How a replacement gets to where a program looks for the original: through the import system, and out again.

Nothing of the program is imported by it. A module that is there already is changed at once; one that comes later, when
it comes; and one that is nowhere is made.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader

    Fill = Callable[[ModuleType], None]
    #: Changes a module, and returns what changes it back.
    Patch = Callable[[ModuleType], Callable[[], None]]


class _Maker:
    """Loads a module that is made of nothing but what is put into it."""

    def __init__(self, fill: Fill) -> None:
        self._fill = fill

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._fill(module)


class _Patcher:
    """Loads a module as its own loader does, then changes it."""

    def __init__(self, loader: Loader, changed: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._changed = changed

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            # What asks the module's loader for source or resources gets the real one.
            spec.loader = self._loader
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._changed(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def _spec(name: str, fill: Fill, *, is_package: bool = False) -> ModuleSpec:
    loader: Any = _Maker(fill)
    return ModuleSpec(name, loader, origin="plugcache", is_package=is_package)


class _First:
    """Goes before all finders: modules that are replaced, and those that are changed."""

    def __init__(self, replacement: Replacement) -> None:
        self._replacement = replacement

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        replacement = self._replacement
        if name in replacement.made:
            return _spec(name, replacement.made[name])
        if name not in replacement.patched:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                if spec.loader is not None and not isinstance(spec.loader, _Maker):
                    spec.loader = _Patcher(spec.loader, replacement.change)  # type: ignore[assignment]
                return spec
        return None


class _Last:
    """Goes after all finders: modules that would be nowhere else."""

    def __init__(self, replacement: Replacement) -> None:
        self._replacement = replacement

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        fill = self._replacement.missing.get(name)
        if fill is None:
            return None
        return _spec(name, fill, is_package=True)


def _nothing(module: ModuleType) -> None:
    pass


class Replacement:
    """What one `install()` does, and undoes.

    - `made`: modules that are replaced as a whole.
    - `patched`: modules whose contents are changed.
    - `missing`: modules that are made if there are none. Packages above all of these are made likewise.
    """

    def __init__(
        self,
        *,
        made: dict[str, Fill] | None = None,
        patched: dict[str, Patch] | None = None,
        missing: dict[str, Fill] | None = None,
    ) -> None:
        self.made = made or {}
        self.patched = patched or {}
        self.missing = {above: _nothing for name in (*self.made, *(missing or {})) for above in _above(name)}
        self.missing.update(missing or {})
        self._first, self._last = _First(self), _Last(self)
        self._undo: list[Callable[[], None]] = []
        self._before: dict[str, ModuleType | None] = {}

    @property
    def is_installed(self) -> bool:
        return self._first in sys.meta_path

    def install(self) -> None:
        """Puts it in place. A second time changes nothing."""
        if self.is_installed:
            return
        for name in self.made:
            self._before[name] = _take(name)
        sys.meta_path.insert(0, self._first)
        sys.meta_path.append(self._last)
        for name in self.patched:
            module = sys.modules.get(name)
            if module is not None:
                self.change(module)

    def uninstall(self) -> None:
        """Puts everything back."""
        if not self.is_installed:
            return
        sys.meta_path.remove(self._first)
        sys.meta_path.remove(self._last)
        while self._undo:
            self._undo.pop()()
        for name in sorted({*self.made, *self.missing}, reverse=True):
            module = sys.modules.get(name)
            if isinstance(getattr(getattr(module, "__spec__", None), "loader", None), _Maker):
                _take(name)
        for name, module in self._before.items():
            if module is not None:
                sys.modules[name] = module
                _bind(name, module)
        self._before.clear()

    def change(self, module: ModuleType) -> None:
        """Changes a module that has just been loaded, or long before."""
        if self.is_installed:
            self._undo.append(self.patched[module.__name__](module))


def _above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _take(name: str) -> ModuleType | None:
    """Takes a module out of the process, as if it had never been imported."""
    module = sys.modules.pop(name, None)
    parent, _, own = name.rpartition(".")
    above = sys.modules.get(parent)
    if above is not None and getattr(above, own, None) is module and module is not None:
        delattr(above, own)
    return module


def _bind(name: str, module: ModuleType) -> None:
    parent, _, own = name.rpartition(".")
    above = sys.modules.get(parent)
    if above is not None:
        setattr(above, own, module)
