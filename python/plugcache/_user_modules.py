"""Modules below user roots: judged before any of their code runs, compiled from the bytes that were judged, and
imported under names that no other module has.

A user root's modules live in a package of their own, whose name is made from the root and the safety policy: a user's
`json.py` is no danger to the standard library's, and two hosts in one process that ask for the same root under the same
policy get the same classes. Relative imports work in there, and each module that they reach is judged in its turn;
imports by absolute names see the search path, never the root.

After an edit, a module is imported anew, and with it those of the root that it imports relatively and that have
changed, or that import what has changed. Modules that do not depend on the edit stay the objects that they are.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import itertools
import os
import sys
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._errors import PluginImportError
from ._plugcache import digest as _digest_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from ._plugcache import Judged
    from ._safety import SafetyPolicy

    Stamp = tuple[int, int, int, int, int]

#: Says to `compile` that only the tree is wanted: the same as `ast.PyCF_ONLY_AST`.
_ONLY_TREE = 0x400
_PREFIX = "plugcache_user_"
#: Nanoseconds in which a change may go unseen in a file's entry, on the coarsest file systems.
_YOUNG = 2_000_000_000

_serials = itertools.count(1)
_roots: dict[str, UserRoot] = {}
_lock = threading.Lock()


class _Executed:
    """What a module was made from."""

    __slots__ = ("digest", "file", "has_failed", "needs", "saw", "serial", "stamp")

    def __init__(self, file: str | None, digest: str | None, stamp: Stamp | None, needs: set[str]) -> None:
        self.file = file
        self.digest = digest
        #: What its entry looked like before it was read; `None`: that proves nothing.
        self.stamp = stamp
        self.needs = needs
        #: It raised: whoever imported it may have gone on without it.
        self.has_failed = False
        self.serial = next(_serials)
        #: Of each module that it imported, which one.
        self.saw: dict[str, int] = {}


class UserRoot:
    """A directory whose modules are judged. Made by `user_root`."""

    def __init__(self, root: str, policy: SafetyPolicy, namespace: str) -> None:
        self.root = root
        self.namespace = namespace
        self._judge = policy.judge()
        self._executed: dict[str, _Executed] = {}

    # ---- for the resolver ----------------------------------------------------------------------------------------

    def judge(self, module: str) -> list[Judged]:
        """What is decided about a module and the packages that it lies in, the outermost first."""
        files = (self.locate(name)[0] for name in _with_packages(self._full(module), self.namespace))
        return [self._judged(file) for file in files if file is not None]

    def load(self, module: str, *, reload: bool = True) -> ModuleType:
        """Imports a module; `RejectedPluginError` before any code runs if it or a package above may not be loaded."""
        name = self._full(module)
        if reload:
            self._forget_stale(name)
        for part in _with_packages(name, self.namespace):
            file, _ = self.locate(part)
            if part not in sys.modules and file is not None:
                self._judged(file).source()
        return importlib.import_module(name)

    # ---- for the import machinery --------------------------------------------------------------------------------

    def locate(self, name: str) -> tuple[str | None, bool]:
        """The file of a module, and whether it is a package."""
        base = os.path.join(self.root, *name.split(".")[1:])
        package = os.path.join(base, "__init__.py")
        if os.path.isfile(package):
            return package, True
        if os.path.isfile(f"{base}.py"):
            return f"{base}.py", False
        return None, os.path.isdir(base)

    def execute(self, module: ModuleType, file: str | None) -> None:
        """Runs a module's code, if it may run."""
        name = module.__name__
        if file is None:
            self._executed[name] = _Executed(None, None, None, set())
            return
        stamp = _stamp(file)
        judged = self._judged(file)
        source = judged.source()
        tree = compile(source, file, "exec", _ONLY_TREE, dont_inherit=True)
        needs = _needs(tree, module.__spec__.parent if module.__spec__ else None)
        needs.update(_with_packages(name, self.namespace)[:-1])
        executed = _Executed(file, judged.digest, stamp, needs)
        code = compile(tree, file, "exec", dont_inherit=True)
        self._executed[name] = executed
        try:
            exec(code, module.__dict__)
        except BaseException:
            executed.has_failed = True
            raise
        known = ((need, self._executed.get(need)) for need in needs)
        executed.saw = {need: one.serial for need, one in known if one is not None}

    # ---- inside --------------------------------------------------------------------------------------------------

    def _full(self, module: str) -> str:
        return f"{self.namespace}.{module}"

    def _judged(self, file: str) -> Judged:
        depth = os.path.relpath(file, self.root).count(os.sep)
        return self._judge.file(file, depth)

    def _forget_stale(self, name: str) -> None:
        """Lets modules be imported anew that are not what is on disk any more."""
        reached: dict[str, _Executed] = {}
        left = [*_with_packages(name, self.namespace)]
        while left:
            one = left.pop()
            executed = self._executed.get(one)
            if executed is not None and one not in reached:
                reached[one] = executed
                left.extend(executed.needs)
        stale = {one for one, executed in reached.items() if self._has_changed(one, executed, reached)}
        grows = bool(stale)
        while grows:
            more = {one for one, executed in reached.items() if one not in stale and executed.needs & stale}
            stale |= more
            grows = bool(more)
        gone = []
        with _lock:
            for one in stale:
                # Another thread may have done this, and be importing it already.
                if self._executed.get(one) is reached[one]:
                    del self._executed[one]
                    gone.append(sys.modules.pop(one, None))
        # What may be the last that holds a module is let go of without a lock.
        gone.clear()

    def _has_changed(self, name: str, executed: _Executed, reached: dict[str, _Executed]) -> bool:
        file, _ = self.locate(name)
        if file != executed.file or not (executed.has_failed or name in sys.modules):
            return True
        if file is not None:
            stamp = _stamp(file)
            if stamp is None or stamp != executed.stamp:
                if self._judged(file).digest != executed.digest:
                    return True
                executed.stamp = stamp
        return any(
            need in self._executed and self._executed[need].serial != serial
            for need, serial in executed.saw.items()
        )


def user_root(root: str, policy: SafetyPolicy) -> UserRoot:
    """The modules of a directory, under a policy: one for the process."""
    known = repr((root, sorted(policy._asdict().items()))).encode("utf-8", "surrogatepass")
    namespace = f"{_PREFIX}{_digest_of(known)[:16]}"
    with _lock:
        made = _roots.get(namespace)
        if made is None:
            made = _roots[namespace] = UserRoot(root, policy, namespace)
            package = ModuleType(namespace, f"Plugins of {root}.")
            package.__path__ = []
            spec = importlib.machinery.ModuleSpec(namespace, None, is_package=True)
            package.__spec__ = spec
            sys.modules[namespace] = package
            if _finder not in sys.meta_path:
                sys.meta_path.insert(0, _finder)
    return made


class _Finder:
    """Finds what is below user roots, and nothing else."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith(_PREFIX):
            return None
        root = _roots.get(name.partition(".")[0])
        if root is None:
            return None
        file, is_package = root.locate(name)
        if file is None and not is_package:
            return None
        loader: Any = _Loader(root, file)
        spec = importlib.machinery.ModuleSpec(name, loader, origin=file, is_package=is_package)
        # A package's path stays empty: no finder but this one is to find anything in it.
        spec.has_location = file is not None
        return spec

    def invalidate_caches(self) -> None:
        """There are none."""


class _Loader:
    """Runs what was judged."""

    def __init__(self, root: UserRoot, file: str | None) -> None:
        self._root = root
        self._file = file

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self._root.execute(module, self._file)


_finder = _Finder()


def _stamp(file: str) -> Stamp | None:
    """What tells a file from what it was, unless it was changed so lately that it may change again within the tick of a
    file system's clock: then only its content tells."""
    now = time.time_ns()
    try:
        seen = os.stat(file)
    except OSError:
        return None
    if max(seen.st_ctime_ns, seen.st_mtime_ns) > now - _YOUNG:
        return None
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _with_packages(name: str, namespace: str) -> list[str]:
    """The packages that a module lies in, the outermost first, and the module; without the root's own."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(1, len(parts))] if name != namespace else []


def _needs(tree: ast.AST, package: str | None) -> set[str]:
    """Modules that relative imports may mean."""
    import ast

    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level > 0 and package:
            parts = package.split(".")
            base = parts[: len(parts) - node.level + 1]
            if base:
                target = ".".join([*base, *([node.module] if node.module else [])])
                found.add(target)
                found.update(f"{target}.{alias.name}" for alias in node.names)
    return found


def check_found(module: ModuleType, file: str) -> None:
    """Refuses a module that was made from another file than the one where its plugin was found."""
    loaded_from = getattr(module, "__file__", None) or ""
    if os.path.realpath(loaded_from) != os.path.realpath(file):
        raise PluginImportError(
            f"a plugin was found in {file}, and its module is made from {loaded_from or 'nothing'}: a package and a "
            "module beside it have one name, rename one of them",
            path=file,
        )
