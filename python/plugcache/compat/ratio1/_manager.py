"""`Manager`: plugins by name, each answer proven by what is on disk now."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any

from . import _judging, _load
from ._mixin import Request, _PluginsManagerMixin, _say, answer, locate

if TYPE_CHECKING:
    from ._mixin import Answer

#: Topmost packages whose safe locations are looked through with all that is in them.
SEARCH_IN_PACKAGES = ["ratio1", "naeural_core"]


class Manager(_PluginsManagerMixin):
    """A manager of plugins, for programs without `naeural_core`'s own.

    - `log`: has `P(text, color=…)` and `config_data`, a dictionary.
    """

    def __init__(self, log: Any, **kwargs: Any) -> None:
        self.log = log
        self.owner = kwargs.pop("owner", None)
        self._dct_subalterns: dict[Any, Any] = {}
        #: Answers by all that selects them. Each is proven before it is given again; failures are not among them.
        self.plugin_locations_cache: dict[Any, Answer] = {}
        super().__init__(**kwargs)

    @property
    def config_data(self) -> Any:
        """The program's configuration."""
        return self.log.config_data

    def P(self, s: str, color: str | None = None, **kwargs: Any) -> None:
        """Says something."""
        self.log.P(s, color=color, **kwargs)

    def _create_notification(self, notif: str, msg: str, info: str | None = None, **kwargs: Any) -> None:
        self.P(f"{notif}: {msg}" if info is None else f"{notif}: {msg}\n{info}", color="r")

    def add_subaltern(self, subaltern_key: Any, obj: Any) -> None:
        """Keeps something that is managed."""
        self._dct_subalterns[subaltern_key] = obj

    def get_subaltern(self, subaltern_key: Any) -> Any:
        """What is managed under a key."""
        return self._dct_subalterns.get(subaltern_key)

    def get_all_subalterns(self) -> dict[Any, Any]:
        """All that is managed."""
        return self._dct_subalterns

    # Without the mixin's two other arguments, as in the original.
    def _get_module_name_and_class(  # type: ignore[override]
        self,
        locations: Any,
        name: str,
        suffix: str | None = None,
        verbose: int = 1,
        safety_check: bool = True,
        safe_locations: Any = None,
        safe_imports: Any = None,
    ) -> Answer:
        """A plugin's module, its class's name, its class and a configuration of the caller's own; all `None` if there
        is no such plugin. The arguments are those of the mixin; plugins of users are judged unless it is said
        otherwise.

        An answer is given again as long as nothing has changed: no other file comes first in the search, and the
        plugin's file has the same content. What failed is tried again at the next call."""
        if safe_locations is None:
            _say(self, "  Warning: no safe location provided", color="r")
        began = perf_counter()
        self.P(f"Attempting to load {type(self).__name__} plugin '{name}'")
        # Of a class that is not ours the method may be on its own.
        kept = self.plugin_locations_cache
        states: dict[Any, Any] = vars(self).setdefault("_plugcache_states", {})
        request = Request.of(
            locations, name, _packages(), suffix, safety_check, safe_locations, safe_imports, False
        )
        profile = getattr(self, "_safety_profile", None) or _judging.default_profile()
        key = (*request, safety_check and bool(self.is_secured), profile, _judging.epoch())
        located = locate(self, request, verbose)
        known, state = kept.get(key), states.get(key)
        is_hit = False
        if located is None:
            _forget(kept, states, key)
            found: Answer = (None, None, None, None)
        elif known is not None and state is not None and _is_current(state, located):
            is_hit = True
            found = (*known[:3], state.config())
        else:
            found, state = answer(self, request, located, verbose)
            if state is None or found[2] is None:
                _forget(kept, states, key)
            else:
                states[key] = state
                kept[key] = (*found[:3], state.config())
        _tell_timing(self, name, found, began, is_hit)
        if found[2] is None and verbose >= 1:
            self._create_notification(notif="EXCEPTION", msg=f"Cannot understand plugin '{name}'")
        return found


def _tell_timing(host: Any, name: str, found: Answer, began: float, is_hit: bool) -> None:
    """One line for a plugin that was loaded; for one that was there only if it is asked for."""
    if host.config_data.get("PLUGINS_DEBUG_LOAD_TIMINGS", not is_hit):
        took = perf_counter() - began
        _say(
            host,
            f"Plugin load timing name='{name}' cache_hit={is_hit} total={took:.3f}s module={found[0]} class={found[1]}",
            color="b",
        )


def _packages() -> list[str]:
    constants = sys.modules.get("naeural_core.constants")
    search: list[str] | None = getattr(getattr(constants, "PLUGIN_SEARCH", None), "SEARCH_IN_PACKAGES", None)
    return SEARCH_IN_PACKAGES if search is None else search


def _is_current(state: Any, located: Any) -> bool:
    try:
        _, digest = _load.read(located.found)
    except OSError:
        return False
    is_current: bool = state.is_of(located.found, digest, is_judged=False)
    # Whoever pickles an instance looks for its class there.
    return is_current and sys.modules.setdefault(state.name, state.module) is state.module


def _forget(kept: dict[Any, Any], states: dict[Any, Any], key: Any) -> None:
    kept.pop(key, None)
    states.pop(key, None)
