"""Puts plugcache behind `importlib.metadata` without importing either: what a `.pth` file may run at every start.

It waits for the import of the modules that answer questions about entry points, and puts functions in their places
that ask plugcache when they are first called. Whatever goes wrong then, the original answers: this file raises and
prints nothing. It imports nothing but what every interpreter has imported when it runs: not even `__future__`, so
annotations that name what is not there are text.

In the environment `PLUGCACHE_ENTRY_POINTS=0` turns it off, and so does `PLUGCACHE_NO_CACHE=1`: without anything kept
there is nothing to gain.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

#: Turns it off, if it says so.
VARIABLE = "PLUGCACHE_ENTRY_POINTS"

#: What was put in the place of what: module or class, name, original, ours. `None` for an original: the class
#: had inherited it.
_replaced: "list[tuple[Any, str, Any, Any]]" = []
#: Names of modules that have been patched.
_patched: set[str] = set()
#: plugcache could not be imported.
_is_broken = False
#: Of each module of entry points: our function, what tells what the originals rest on, and what that was.
_untouched: dict[str, "tuple[Any, Callable[[], list[Any]], list[Any]]"] = {}
#: Names of such a module, and parts of its classes, by which the originals find their answers.
_NAMES = ("distributions", "Distribution", "PathDistribution", "EntryPoint", "EntryPoints", "MetadataPathFinder")
_PARTS = (
    ("Distribution", "discover"),
    ("Distribution", "_discover_resolvers"),
    ("Distribution", "read_text"),
    ("Distribution", "entry_points"),
    ("PathDistribution", "read_text"),
    ("PathDistribution", "entry_points"),
    ("MetadataPathFinder", "find_distributions"),
    ("MetadataPathFinder", "_search_paths"),
    ("EntryPoints", "_from_text_for"),
)


def is_off() -> bool:
    """Whether the environment says no."""
    if os.environ.get(VARIABLE, "").strip().lower() in ("0", "no", "off", "false"):
        return True
    return os.environ.get("PLUGCACHE_NO_CACHE", "").strip().lower() in ("1", "yes", "on", "true")


def start(always: bool = False) -> None:
    """From now on plugcache answers, unless the environment says no; `always`: whatever it says. Never fails."""
    global _is_broken
    _is_broken = False
    try:
        if (always or not is_off()) and _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
            for name in _PATCHES:
                if name in sys.modules:
                    _patch(sys.modules[name])
    except Exception:
        stop()


def stop() -> None:
    """Puts everything back."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    _put_back(0)
    _patched.clear()
    _untouched.clear()


def is_started() -> bool:
    """Whether plugcache answers."""
    return _finder in sys.meta_path


class _Finder:
    """Finds what others find, and has it patched once it is loaded."""

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """The specification that the finders behind this one have, for the few modules that are waited for."""
        if name not in _PATCHES:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """Loads as the original loader does, and is gone when the module can be seen."""

    def __init__(self, loader: "Any") -> None:
        self.loader = loader

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        """A module, or `None` for an ordinary one."""
        made: ModuleType | None = self.loader.create_module(spec)
        return made

    def exec_module(self, module: "ModuleType") -> None:
        """Runs the module."""
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        if is_started():
            _patch(module)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self.loader, name)


def _patch(module: "ModuleType") -> None:
    if module.__name__ in _patched:
        return
    before = len(_replaced)
    try:
        _PATCHES[module.__name__](module)
        _patched.add(module.__name__)
    except Exception:
        # A version that is built otherwise stays as it is.
        _put_back(before)


def _put_back(before: int) -> None:
    """All but as many as there were before. What somebody has put in our place since stays."""
    while len(_replaced) > before:
        place, name, original, ours = _replaced.pop()
        if place.__dict__.get(name) is not ours:
            continue
        if original is None:
            delattr(place, name)
        else:
            setattr(place, name, original)


def _replace(place: "Any", name: str, by: "Any", original: "Any") -> None:
    """`original` is `None` where the place has only inherited it."""
    setattr(place, name, by)
    _replaced.append((place, name, original, by))


def _looks_like(function: "Any", original: "Any") -> None:
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(function, name, getattr(original, name))


def _patch_metadata(module: "Any") -> None:
    """`importlib.metadata`, or the package that it comes from."""
    whole: Callable[..., Any] = module.entry_points
    own = module.PathDistribution
    of_one: Any = module.Distribution.__dict__["entry_points"]
    classes = {name: getattr(module, name).__dict__ for name, _ in _PARTS}

    # What the originals rest on. Who puts something else there means it to be asked.
    def rests_on() -> "list[Any]":
        found = [getattr(module, name, None) for name in _NAMES]
        found += [classes[name].get(part) for name, part in _PARTS]
        return found

    def entry_points(**params: "Any") -> "Any":
        try:
            answer = _engine().current_for_others() if _are_untouched() else None
            if answer is not None and not answer.native.has_problems:
                return answer.select(module, params)
        except Exception:
            pass
        return whole(**params)

    def points(self: "Any") -> "Any":
        try:
            if type(self) is own and "read_text" not in vars(self) and _are_untouched():
                found = _engine().points_of(module, self)
                if found is not None:
                    return found
        except Exception:
            pass
        # Not the original itself: another one may be in its place.
        return super(own, self).entry_points

    _looks_like(entry_points, whole)
    _looks_like(points, of_one.fget)
    _replace(module, "entry_points", entry_points, whole)
    if "entry_points" not in own.__dict__:
        _replace(own, "entry_points", property(points), None)
    _untouched[module.__name__] = (entry_points, rests_on, rests_on())


def _are_untouched() -> bool:
    """Whether everything that the originals rest on is what it was: one module may find what the other one gives."""
    return all(rests_on() == genuine for _, rests_on, genuine in _untouched.values())


def _patch_stevedore(module: "Any") -> None:
    """stevedore has a cache of its own, and finds out whether it holds in ten times the time that an answer takes."""
    original: Callable[..., Any] = module.Cache._get_data_for_path

    def data_for_path(self: "Any", path: tuple[str, ...] | None) -> "Any":
        key = tuple(sys.path) if path is None else tuple(path)
        if key not in self._internal:
            try:
                import importlib.metadata as metadata

                # It asks for the entry points of `sys.path`, whatever path it is asked for.
                ours = _untouched.get("importlib.metadata")
                is_ours = ours is not None and metadata.entry_points is ours[0] and _are_untouched()
                if is_ours and module.importlib.metadata is metadata:
                    answer = _engine().current_for_others()
                    if answer is not None and not answer.native.has_problems:
                        self._internal[key] = answer.for_stevedore()
            except Exception:
                pass
        return original(self, path)

    _looks_like(data_for_path, original)
    _replace(module.Cache, "_get_data_for_path", data_for_path, original)


def _engine() -> "Any":
    """plugcache itself, imported when it is first asked. Where it cannot be, nothing is asked of it again."""
    global _is_broken
    if _is_broken:
        raise ImportError("plugcache could not be imported before")
    try:
        import plugcache._entry_points as engine
    except Exception:
        # An import that fails takes longer than the answer that it is for; functions may be held that ask again.
        _is_broken = True
        stop()
        raise
    return engine


_PATCHES: "dict[str, Callable[[Any], None]]" = {
    "importlib.metadata": _patch_metadata,
    "importlib_metadata": _patch_metadata,
    "stevedore._cache": _patch_stevedore,
}
_finder: "Any" = _Finder()
