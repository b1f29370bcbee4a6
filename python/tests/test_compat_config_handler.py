"""naeural_core's configuration mixin beside the original: the same verdicts, none of its faults."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plugcache.compat._config_handler import _ConfigHandlerMixin

RULES: dict[str, dict[str, Any]] = {
    "CAP_RESOLUTION": {"TYPE": "float", "MIN_VAL": 0.0003, "MAX_VAL": 250, "DESCRIPTION": "frames a second"},
    "PROCESS_DELAY": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60},
    "NAME": {"TYPE": "str", "MIN_LEN": 4, "EXCLUDED_LIST": ["nobody"], "ACCEPTED_VALUES": ["camera", "nobody", "ab"]},
    "TARGETS": {"TYPE": "list", "MIN_LEN": 1},
    "IS_ON": {"TYPE": "bool"},
    "EITHER": {"TYPE": ["str", "list"]},
    "NOTHING": {},
}
GOOD: dict[str, Any] = {
    "CAP_RESOLUTION": 25,
    "PROCESS_DELAY": 1,
    "NAME": "camera",
    "TARGETS": ["a"],
    "IS_ON": True,
    "EITHER": "x",
    "NOTHING": None,
}
CASES: list[dict[str, Any]] = [
    {},
    {"CAP_RESOLUTION": 250},
    {"CAP_RESOLUTION": 0.0003},
    {"CAP_RESOLUTION": 250.1},
    {"CAP_RESOLUTION": True},
    {"CAP_RESOLUTION": "25"},
    {"PROCESS_DELAY": 60},
    {"PROCESS_DELAY": 61},
    {"PROCESS_DELAY": True},
    {"PROCESS_DELAY": 1.0},
    {"PROCESS_DELAY": None},
    {"NAME": "nobody"},
    {"NAME": "ab"},
    {"NAME": "other"},
    {"NAME": 3},
    {"TARGETS": []},
    {"TARGETS": "a"},
    {"IS_ON": 1},
    {"EITHER": ["x"]},
    {"EITHER": {"x": 1}},
]


class Plugin(_ConfigHandlerMixin):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def P(self, text: str, color: str | None = None) -> None:
        self.said.append(text)


def original() -> Any:
    """The mixin of the real package, which imports nothing but the standard library."""
    corpora = os.environ.get("PLUGCACHE_CORPORA")
    assert corpora, "set PLUGCACHE_CORPORA: `cargo xtask test --env` says to what"
    file = Path(corpora) / "naeural_core/naeural_core/local_libraries/config_handler_mixin.py"
    # Run from its text: nothing compiled is to be left in the corpus.
    module = ModuleType("original_config_handler_mixin")
    exec(compile(file.read_text(), file, "exec"), module.__dict__)
    return module._ConfigHandlerMixin


@pytest.mark.parametrize("given", CASES, ids=repr)
def test_verdicts_are_those_of_the_original(given: dict[str, Any]) -> None:
    data = {**GOOD, **given, "VALIDATION_RULES": RULES}

    class Theirs(original()):  # type: ignore[misc]
        def P(self, *_: object, **__: object) -> None:
            pass

    verdicts = []
    for kind in (Theirs, type("Ours", (Plugin,), {})):
        plugin: Any = kind()
        plugin.config_data = dict(data)
        plugin.create_config_handlers()
        is_valid, wrong = plugin.run_validation_rules()
        assert is_valid == (not wrong)
        verdicts.append(is_valid)
    assert verdicts[0] == verdicts[1]


def test_behaviour_23_a_subclass_s_validators_run_although_its_base_came_first(tmp_path: Path) -> None:
    ran: list[str] = []

    class Base(Plugin):
        def validate_base(self) -> None:
            ran.append("base")

    class Sub(Base):
        def validate_own(self) -> None:
            ran.append("own")
            if self.cfg_rate > 3:  # type: ignore[attr-defined]
                self.add_error("too fast")

    Base().setup_config_and_validate({"RATE": 9})
    with pytest.raises(ValueError, match="too fast"):
        Sub().setup_config_and_validate({"RATE": 9})
    Sub().setup_config_and_validate({"RATE": 2})
    assert ran == ["base", "base", "own", "base", "own"]
    marker = tmp_path / "ran"
    evil = {"A": 1, "VALIDATION_RULES": {"A": {"TYPE": f"open({str(marker)!r}, 'w') or int"}}}
    with pytest.raises(ValueError, match="expected int, float, str"):
        Plugin().setup_config_and_validate(evil)
    assert not marker.exists()


def test_values_are_copies_and_keys_have_their_names() -> None:
    class Own(Plugin):
        pass

    plugin: Any = Own()
    given = {"A#B": {"c": [1]}, "LIST": [1]}
    assert plugin.add_config_data(given) and not plugin.add_config_data([1])
    # The original raises KeyError for a new key whose value is None.
    assert plugin.add_config_data({"NONE": None})
    plugin.create_config_handlers()
    assert plugin.ready_cfg_handlers
    plugin.cfg_a_b["c"].append(2)
    plugin.cfg_list.append(2)
    given["LIST"].append(2)  # type: ignore[attr-defined]
    assert (plugin.cfg_a_b, plugin.cfg_list) == ({"c": [1]}, [1])
    assert not hasattr(Plugin, "cfg_list"), "handlers are the concrete class's own"
    assert plugin.needs_update({"LIST": [1], "NEW": 1}, except_keys=[]) == (True, ["NEW"])
    assert plugin.needs_update({"LIST": [2]}, except_keys=["LIST"]) == (False, ["LIST"])
    defaults = {"A": {"b": 1}, "C": 1}
    merged = plugin._merge_prepare_config(default_config=defaults, delta_config={"c": 2, "d": 3})
    assert merged == {"A": {"b": 1}, "C": 2, "D": 3}
    merged["A"]["b"] = 9
    assert defaults["A"] == {"b": 1}
