"""`_PluginsManagerMixin`: from a name to a plugin's module, class and configuration."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._errors import PluginImportError
from . import _judging, _load, _search

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from ._load import State
    from ._search import Found

    #: Module, the class's name, the class, a configuration of the caller's own; all `None` if there is no such plugin.
    Answer = tuple[ModuleType | None, str | None, type | None, Any]

_NOTHING: Answer = (None, None, None, None)

#: How often a file is read again that changes while it is loaded.
_PATIENCE = 3


class UnsafeCodeError(PluginImportError, ValueError):
    """A plugin's source was judged, and may not be loaded: nothing of it has run."""


class Request(NamedTuple):
    """All that selects an answer."""

    locations: tuple[str, ...]
    name: str
    search_in_packages: tuple[str, ...]
    suffix: str
    safety_check: bool
    safe_locations: tuple[str, ...]
    safe_imports: tuple[str, ...]
    class_safety_check: bool

    @classmethod
    def of(
        cls,
        locations: Any,
        name: str,
        search_in_packages: Any,
        suffix: str | None,
        safety_check: bool,
        safe_locations: Any,
        safe_imports: Any,
        class_safety_check: bool,
    ) -> Request:
        """As callers say it: one or a list, or nothing."""

        def several(given: Any) -> tuple[str, ...]:
            return tuple(_search.as_list(given))

        return cls(
            several(locations),
            name,
            several(search_in_packages),
            suffix or "",
            bool(safety_check),
            several(safe_locations),
            several(safe_imports),
            bool(class_safety_check),
        )


class _PluginsManagerMixin:
    """Finds plugins by name and loads them, for a class that has `log` and `P(text, color=…)`.

    What differs from the original, each time for a fault that it had: a module is loaded once for each state of its
    file, so that all managers share its classes; an edited file is loaded anew; of two plugins of one name the same is
    taken every time; a plugin of a user is judged before any of its code runs; the configuration is the caller's own.
    """

    #: By which rules plugins of users are judged: `"strict"`, `"ratio1"`, or what was chosen at installation.
    _safety_profile: str | None = None

    def __init__(self) -> None:
        super().__init__()
        self.code_checker = _judging.CodeChecker(self._safety_profile)

    @property
    def is_secured(self) -> bool:
        """Whether a plugin that breaks a rule is refused. If not, it is reported and accepted."""
        value = self.log.config_data.get("SECURED", False)  # type: ignore[attr-defined]
        return value in (True, "True", "true", "1", 1)

    def get_package_base_path(self, package_name: str) -> str | None:
        """The directory that a package is in; `None` if it is nowhere."""
        spec = _search.spec_of(package_name)
        if spec is not None and spec.submodule_search_locations:
            return os.path.dirname(list(spec.submodule_search_locations)[0])
        _say(self, f"Package '{package_name}' was not found.", color="r")
        return None

    def _get_plugin_by_name(
        self,
        lst_plugins_locations: list[str],
        name: str,
        search_in_packages: list[str] | None = None,
        safe: bool = False,
    ) -> str | None:
        """The dotted name of a plugin's module; `None` if there is none. Nothing is imported for it."""
        locations, packages = _search.as_list(lst_plugins_locations), _search.as_list(search_in_packages)
        stem = _search.snake_case(name)
        found = _search.find(locations, stem, packages) or _search.find_other(locations, stem, packages)
        return None if found is None else found.module

    def _perform_module_safety_check(self, module: ModuleType, safe_imports: Any = None) -> tuple[bool, str]:
        """Judges the source of a module that is loaded: whether it may be used, and why not. Plugins are judged before
        they are loaded, without this."""
        file = getattr(module, "__file__", None) or ""
        verdict = _verdict(self, file, _source_of(file), _search.as_list(safe_imports))
        return _report(self, module.__name__, verdict)

    def _perform_class_safety_check(self, classdef: type) -> tuple[bool, str]:
        """Judges a class by itself. Its module has been judged as a whole, so there is nothing more to say."""
        return True, ""

    def _get_module_name_and_class(
        self,
        locations: Any,
        name: str,
        search_in_packages: Any = None,
        suffix: str | None = None,
        verbose: int = 1,
        safety_check: bool = False,
        safe_locations: Any = None,
        safe_imports: Any = None,
        class_safety_check: bool = False,
    ) -> Answer:
        """A plugin's module, its class's name, its class, and its configuration.

        All four are `None` if there is no such plugin, or if it cannot be loaded; `P` says why, and the next call
        tries again. Without a class of that name the module and its configuration are returned, and twice `None`.

        - `locations`: one dotted package or a list, where users' plugins are.
        - `name`: the plugin's, as `VIEW_SCENE_01` or `ViewScene01`: its module's name in capitals or in camel case.
        - `search_in_packages`: topmost packages whose safe locations are looked through with all that is in them.
          Default: none.
        - `suffix`: what the class's name has after the plugin's. Default: nothing.
        - `verbose`: 0 leaves out why nothing was found. Default: 1.
        - `safety_check`: judge the source before it is loaded; not for plugins of safe locations. Default: no.
        - `safe_locations`: one or a list; looked through first. Default: none.
        - `safe_imports`: packages that judged plugins may import. Default: none.
        - `class_safety_check`: ask `_perform_class_safety_check`, too. Default: no.
        """
        request = Request.of(
            locations,
            name,
            search_in_packages,
            suffix,
            safety_check,
            safe_locations,
            safe_imports,
            class_safety_check,
        )
        found = locate(self, request, verbose)
        if found is None:
            return _NOTHING
        return answer(self, request, found, verbose)[0]


# ---- the steps, for whoever has the mixin's methods ------------------------------------------------------------


class Located(NamedTuple):
    """A plugin's module, and whether it is in a safe location."""

    found: Found
    is_safe: bool


def locate(host: Any, request: Request, verbose: int) -> Located | None:
    """Where a plugin is, safe locations first. Says so if it is nowhere."""
    try:
        located = _locate(host, request)
    except Exception:
        # A host goes on without a plugin.
        _say(host, f"Error looking for plugin '{request.name}':\n{traceback.format_exc()}", color="error")
        return None
    if located is None and verbose >= 1:
        where = ", ".join(request.locations)
        _say(host, f"Error with finding plugin '{request.name}' in locations '{where}'", color="r")
    return located


def _locate(host: Any, request: Request) -> Located | None:
    asked = getattr(getattr(host, "_get_plugin_by_name", None), "__func__", None)
    if asked is not _PluginsManagerMixin._get_plugin_by_name:
        return _locate_with(host, request)
    stem = _search.snake_case(request.name)
    # Safe locations wholly before the others: a file that cannot be read or parsed keeps its name from users, too.
    for find in (_search.find, _search.find_other):
        found = find(request.safe_locations, stem, request.search_in_packages)
        if found is not None:
            return Located(found, is_safe=True)
    for find in (_search.find, _search.find_other):
        # In packages there are safe locations only.
        found = find(request.locations, stem)
        if found is not None:
            return Located(found, is_safe=False)
    return None


def _locate_with(host: Any, request: Request) -> Located | None:
    """The same for a host that has a search of its own."""
    packages = list(request.search_in_packages) or None
    for locations, is_safe in ((request.safe_locations, True), (request.locations, False)):
        if not locations:
            continue
        asked = {"search_in_packages": packages if is_safe else None, "safe": is_safe}
        module = host._get_plugin_by_name(list(locations), request.name, **asked)
        spec = _search.spec_of(module) if module is not None else None
        if spec is not None and spec.origin:
            return Located(_search.Found(spec.name, spec.origin), is_safe)
    return None


def answer(host: Any, request: Request, located: Located, verbose: int) -> tuple[Answer, State | None]:
    """Loads what was found, if it may be loaded. Says what is wrong instead of raising it."""
    found, is_safe = located
    kind = "safe" if is_safe else "user"
    _say(host, f"  Found {kind} plugin '{found.module}'", color="g" if is_safe else "m")
    if found.hidden:
        _say(host, f"  It hides others of its name: {', '.join(found.hidden)}", color="y")
    try:
        state = _loaded(host, request, located)
        class_name, class_definition = state.class_of(request.name, request.suffix) or (None, None)
        if class_name is None and verbose >= 1:
            plain = request.name.replace("_", "")
            told = f"(suffix: {request.suffix}). Available classes are: {state.classes()}"
            _say(host, f"ERROR: Could not find class match for {plain} {told}", color="r")
        config = state.config()
        if class_definition is not None and request.class_safety_check and not is_safe:
            is_good, why = host._perform_class_safety_check(class_definition)
            if not is_good:
                raise UnsafeCodeError(f"class {class_name} may not be used: {why}", name=found.module)
    except (KeyboardInterrupt, GeneratorExit):
        # Not the plugin's doing: somebody ends the program, or whoever waits for the answer.
        raise
    except BaseException:
        # Whatever a plugin raises, of whichever kind: a host goes on without it.
        text = traceback.format_exc()
        _say(host, f"Error preparing {request.name} with module {found.module}:\n{text}", color="error")
        return _NOTHING, None
    where = found.module.rpartition(".")[0]
    _say(host, f"  Plugin '{request.name}' loaded and code checked from {where}", color="g")
    return (state.module, class_name, class_definition, config), state


def _loaded(host: Any, request: Request, located: Located) -> State:
    found, is_safe = located
    is_checked = request.safety_check and not is_safe
    for attempt in range(1, _PATIENCE + 1):
        source, digest = _load.read(found)
        parents: dict[str, _judging.Parent] = {}
        is_judged = False
        if is_checked:
            parents = _judged(host, request, found, source)
            # Where everything is accepted, what the program has imported by itself will do.
            is_judged = bool(host.is_secured)
        try:
            state = _load.state_of(
                found, source, digest, is_judged=is_judged, parents=parents if is_judged else {}
            )
        except _load.ChangedError:
            if attempt == _PATIENCE:
                raise
            continue
        break
    check = getattr(host, "_perform_module_safety_check", None)
    if is_checked and getattr(check, "__func__", None) is not _PluginsManagerMixin._perform_module_safety_check:
        # A host with a check of its own, which asks for the module.
        is_good, why = host._perform_module_safety_check(state.module, safe_imports=list(request.safe_imports))
        if not is_good:
            raise UnsafeCodeError(f"CODE SAFETY VIOLATION: {why}", name=found.module)
    return state


def _judged(host: Any, request: Request, found: Found, source: bytes) -> dict[str, _judging.Parent]:
    """Judges a plugin, and the packages above it that would run with it. Returns what it has seen of those."""
    parents = _judging.parents_of(found.module)
    running = {name: parent for name, parent in parents.items() if parent.file is not None}
    own = _judging.Parent(found.file, source if found.is_source else None)
    for name, (file, text) in {**running, found.module: own}.items():
        is_good, why = _report(host, name, _verdict(host, file or "", text, request.safe_imports))
        if not is_good:
            raise UnsafeCodeError(f"CODE SAFETY VIOLATION: {why}", name=name, path=file)
    return parents


def _verdict(
    host: Any, file: str, source: bytes | None, safe_imports: Iterable[str]
) -> _judging.Verdict:
    if source is None:
        return _judging.unjudged(file)
    profile = getattr(host, "_safety_profile", None)
    return _judging.judge(file, source, profile, tuple(safe_imports))


def _report(host: Any, module: str, verdict: _judging.Verdict) -> tuple[bool, str]:
    """Says what was found; on a host that is not secured, what was found is accepted."""
    if verdict.is_allowed:
        _say(host, f"  * * * Module '{module}' code check successful * * *", color="g")
        return True, ""
    told = "\n".join(f"  *** {what}at line(s): {lines}" for what, lines in verdict.errors.items())
    info = f"  ERROR: Unsafe code in {module}:\n{told}"
    if verdict.digest is not None:
        info += f"\n  If you have read it and vouch for it, allow its digest {verdict.digest}"
    _say(host, info, color="error")
    notify = getattr(host, "_create_notification", None)
    if notify is not None:
        notify(
            notif="EXCEPTION",
            msg=f"Unsafe code in `{module}`",
            info=info,
            modulename=module,
            autocomplete_info=True,
            printed=True,
        )
    if host.is_secured:
        return False, info
    _say(host, "   ********* Plugin accepted, since this node is UNSECURED. **************", color="error")
    return True, ""


def _source_of(file: str) -> bytes | None:
    if not file.endswith(".py"):
        return None
    with open(file, "rb") as source:
        return source.read()


def _say(host: Any, text: str, *, color: str) -> None:
    say = getattr(host, "P", None)
    if say is not None:
        say(text, color=color)
