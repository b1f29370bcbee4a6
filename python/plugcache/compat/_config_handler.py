"""`_ConfigHandlerMixin`: configurations of naeural_core's plugins, with the names that its plugins use.

Rules are judged by plugcache's schemas in their `ratio1` profile, and so differ from the original's in what is no use
to anybody: a `TYPE` is looked up and never evaluated, `MAX_LEN` exists, every rule counts for values of every type that
has it, and all that is wrong with a key is told. Values are copied out at every depth. Validators are those of the
class that is validated, each time: a list that a base has kept leaves none of a subclass's out.
"""

from __future__ import annotations

import traceback
from collections import deque
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .._config import compile_schema
from .._errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_RULES = "VALIDATION_RULES"
_KNOWN = ("TYPE", "MIN_VAL", "MAX_VAL", "MIN_LEN", "MAX_LEN", "EXCLUDED_LIST", "ACCEPTED_VALUES", "DESCRIPTION")
_OPTIONS = {"profile": "ratio1", "merge": "shallow", "unknown": "allow"}
#: Values that nobody can change.
_PLAIN = (str, int, float, bool, type(None), bytes)
#: So many messages of a kind are kept until they are fetched.
_MOST = 100


class _ConfigHandlerMixin:
    """Merges, hands out and validates `self.config_data`, a dictionary.

    Messages go to `self.P(text, color=…)` if there is such a method.
    """

    config_data: dict[str, Any]

    def __init__(self) -> None:
        self._valid_errors: deque[str] = deque(maxlen=_MOST)
        self._valid_warnings: deque[str] = deque(maxlen=_MOST)
        self._valid_infos: deque[str] = deque(maxlen=_MOST)
        self._cfg_is_ready = False
        super().__init__()

    # ---- merging -------------------------------------------------------------------------------------------------

    @property
    def ready_cfg_handlers(self) -> bool:
        """Whether `create_config_handlers` has run."""
        return self._cfg_is_ready

    def needs_update(self, dct_newdict: Any, except_keys: Iterable[str]) -> tuple[bool, list[str]]:
        """Whether a key beside the excepted ones has another value, and all keys that have."""
        if not isinstance(dct_newdict, dict):
            return False, []
        missing = object()
        own = self.config_data
        excepted = set(except_keys)
        needs = any(own.get(key, missing) != value for key, value in dct_newdict.items() if key not in excepted)
        return needs, [key for key, value in dct_newdict.items() if own.get(key) != value]

    def _merge_prepare_config(
        self,
        default_config: dict[str, Any] | None = None,
        delta_config: dict[str, Any] | None = None,
        uppercase_keys: bool = True,
        verbose: int = 0,
        debug: bool = False,
    ) -> dict[str, Any] | None:
        """The defaults with what differs, as a dictionary of its own. Without arguments, those of the instance:
        `_default_config` and `_upstream_config`. Keys of what differs are in capitals, unless it is said not to."""
        defaults = vars(self).get("_default_config") if default_config is None else default_config
        delta = vars(self).get("_upstream_config") if delta_config is None else delta_config
        if delta is None:
            return defaults
        merged: dict[str, Any] = deepcopy(defaults) if defaults else {}
        changed: list[str] = []
        for given, value in deepcopy(delta).items():
            key = given.upper() if uppercase_keys else given
            if key not in merged or merged[key] != value:
                changed.append(key)
            merged[key] = value
        if verbose > 0 or debug:
            told = "; ".join(changed)
            self._cfg_say(f"{type(self).__name__}: {len(changed)} keys of {len(delta)} differ: {told}", "b")
        return merged

    def add_config_data(self, new_config_data: Any) -> bool:
        """Takes these keys over. No: it is no dictionary."""
        if not isinstance(new_config_data, dict):
            self._cfg_say(f"`config_data` is updated with a dictionary, not with {type(new_config_data).__name__}", "r")
            return False
        if not hasattr(self, "config_data"):
            self.config_data = {}
        self.config_data.update(deepcopy(new_config_data))
        return True

    def update_config_data(self, new_config_data: Any) -> bool:
        """The same."""
        return self.add_config_data(new_config_data)

    # ---- handing out ---------------------------------------------------------------------------------------------

    def create_config_handlers(self, verbose: int = 0) -> None:
        """Gives the class a property `cfg_<key>` for each key: in lower case, `#` as `_`; copies of the values."""
        data = getattr(self, "config_data", None)
        if not isinstance(data, dict) or not data:
            return
        made = []
        for key in data:
            name = self._get_prop(key)
            if not hasattr(type(self), name):
                setattr(type(self), name, property(_getter(key), doc=f"A copy of {key!r} in config_data."))
                made.append(name)
        if made and verbose > 1:
            self._cfg_say(f"{type(self).__name__} has handlers: {made}", "b")
        self._cfg_is_ready = True

    def _get_prop(self, k: str) -> str:
        return "cfg_" + k.lower().replace("#", "_")

    def _get_val_by_prop(self, k: str) -> Any:
        return getattr(self, self._get_prop(k), None)

    # ---- validating ----------------------------------------------------------------------------------------------

    def run_validation_rules(self, verbose: int = 0, debug_verbose: bool = False) -> tuple[bool, list[str]]:
        """Whether `config_data` satisfies its own `VALIDATION_RULES`, and everything that is wrong."""
        data = getattr(self, "config_data", None)
        name = type(self).__name__
        if not isinstance(data, dict):
            return False, [f"No `config_data` for '{name}'"]
        rules = data.get(_RULES) or {}
        wrong = [told for key, rule in rules.items() for told in self._cfg_check(name, key, rule, data)]
        if debug_verbose:
            for told in wrong:
                self._cfg_say(f"  {told}", "r")
        if wrong:
            wrong.append(f"Automatic validation for instance of `{name}` FAILED.")
        elif verbose:
            self._cfg_say(f"Automatic validation for instance of `{name}` is successful", "g")
        return not wrong, wrong

    def _cfg_check(self, name: str, key: str, rule: dict[str, Any], data: dict[str, Any]) -> list[str]:
        known = {part: value for part, value in rule.items() if part in _KNOWN}
        if len(known) < len(rule):
            self._cfg_say(f"  rules of '{key}' that nobody knows: {sorted(set(rule) - set(known))}", "y")
        if not known:
            return []
        # A property that was set by hand counts, as one that was made from the key.
        prop = self._get_prop(key)
        is_there = key in data or hasattr(type(self), prop)
        values = {key: data[key] if key in data else getattr(self, prop)} if is_there else {}
        begin = f"Config validation for '{key}' of '{name}' failed"
        try:
            _, wrong = compile_schema(name, {}, {key: known}, None, _OPTIONS).configure(values)
        except ConfigError as error:
            return [f"{begin}: {error}"]
        return [f"{begin}: {told}" for _, _, told in wrong]

    def validate(self, raise_if_error: bool = True, verbose: int = 0) -> bool:
        """Checks the rules, then calls every method `validate_…`, own and inherited, which say `add_error`. One that
        raises is an error. `ValueError` tells of all errors, unless it is said not to be raised."""
        _, wrong = self.run_validation_rules(verbose=verbose)
        for told in wrong:
            self.add_error(told)
        names = {name for cls in type(self).__mro__ for name in vars(cls) if name.startswith("validate_")}
        for name in sorted(names):
            method = getattr(self, name)
            if not callable(method):
                continue
            try:
                method()
            except Exception:
                self.add_error(f"Programming error in validation method '{name}'.\n{traceback.format_exc()}")
        errors = self.get_errors()
        for told, color in (*((one, None) for one in self.get_infos()), *((one, "y") for one in self.get_warnings())):
            self._cfg_say(told, color)
        for told in errors:
            self._cfg_say(told, "r")
        if errors and raise_if_error:
            raise ValueError(f"Errors occured while validating: {errors}")
        return not errors

    def setup_config_and_validate(self, dct_config: dict[str, Any], verbose: int = 0) -> None:
        """Takes a configuration over, makes its handlers, and validates it."""
        self.config_data = dct_config
        self.create_config_handlers(verbose=verbose)
        self.validate(verbose=verbose)

    # ---- messages ------------------------------------------------------------------------------------------------

    def get_errors(self) -> list[str]:
        """The errors since they were asked for last."""
        return _drained(self._valid_errors)

    def get_warnings(self) -> list[str]:
        """The warnings since they were asked for last."""
        return _drained(self._valid_warnings)

    def get_infos(self) -> list[str]:
        """The infos since they were asked for last."""
        return _drained(self._valid_infos)

    def add_error(self, msg: str) -> None:
        """One error more."""
        self._valid_errors.append(msg)

    def add_warning(self, msg: str) -> None:
        """One warning more."""
        self._valid_warnings.append(msg)

    def add_info(self, msg: str) -> None:
        """One info more."""
        self._valid_infos.append(msg)

    def _cfg_say(self, text: str, color: str | None) -> None:
        say: Callable[..., object] | None = getattr(self, "P", None)
        if say is not None:
            say(text) if color is None else say(text, color=color)


def _getter(key: str) -> Callable[[Any], Any]:
    def get(self: Any) -> Any:
        value = self.config_data.get(key)
        return value if isinstance(value, _PLAIN) else deepcopy(value)

    return get


def _drained(messages: deque[str]) -> list[str]:
    found = []
    while messages:
        found.append(messages.popleft())
    return found
