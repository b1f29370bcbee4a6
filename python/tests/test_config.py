"""`Config`: defaults, overrides and rules of a class."""

from __future__ import annotations

import copy
import pickle
from typing import Any, ClassVar

import pytest

import plugcache as pc


class Camera(pc.Config, unknown="deny"):
    DEFAULTS = {"RATE": 10, "MODE": "fast", "LENS": {"zoom": 1, "marks": [1, 2]}, "NAME": "camera"}
    VALIDATION_RULES: ClassVar[dict[str, dict[str, Any]]] = {
        "RATE": {"TYPE": "int", "MIN_VAL": 1, "MAX_VAL": 60},
        "MODE": {"TYPE": "str", "ACCEPTED_VALUES": ["fast", "slow"]},
        "NAME": {"TYPE": ["str", "None"], "MIN_LEN": 1, "MAX_LEN": 8, "EXCLUDED_LIST": ["nobody"]},
    }

    def validate_mode(self) -> None:
        if self.MODE == "slow" and self.RATE > 30:
            raise ValueError("slow means at most 30")


def test_defaults_with_overrides_by_key_and_as_attributes() -> None:
    config = Camera({"RATE": 25})
    assert (config["RATE"], config.RATE, config.cfg_rate) == (25, 25, 25)
    assert list(config) == ["LENS", "MODE", "NAME", "RATE"]
    assert len(config) == 4 and "MODE" in config and "NONE" not in config
    assert config == {**Camera.DEFAULTS, "RATE": 25}
    assert config.replace(MODE="slow").to_dict()["MODE"] == "slow"
    assert pickle.loads(pickle.dumps(config)) == config
    assert copy.deepcopy(config) == config
    with pytest.raises(AttributeError, match="has no 'cfg_speed'"):
        _ = config.cfg_speed
    with pytest.raises(KeyError):
        config["SPEED"]


def test_behaviour_10_values_are_copied_out_and_in() -> None:
    given: dict[str, Any] = {"LENS": {"zoom": 2}}
    config = Camera(given)
    config["LENS"]["zoom"] = 9
    config.LENS["zoom"] = 9
    config.to_dict()["LENS"]["zoom"] = 9
    given["LENS"]["zoom"] = 9
    assert config["LENS"] == {"zoom": 2}
    Camera()["LENS"]["marks"].append(3)
    assert Camera()["LENS"]["marks"] == [1, 2]
    with pytest.raises(AttributeError, match=r"replace\(\)"):
        config.RATE = 3


@pytest.mark.parametrize("rate", [1, 60])
def test_behaviour_23_bounds_are_inclusive(rate: int) -> None:
    assert Camera(RATE=rate).RATE == rate
    assert Camera(NAME="x" * 8).NAME == "x" * 8


def test_errors_tell_of_every_key_with_what_was_expected() -> None:
    with pytest.raises(pc.ValidationError) as caught:
        Camera({"RATE": 61, "MODE": "medium", "NAME": "nobody", "SPED": 3})
    text = str(caught.value)
    assert "RATE = 61 is more than 60" in text
    assert 'MODE = "medium" is none of those accepted: "fast", "slow"' in text
    assert 'NAME = "nobody" is one of those excluded' in text
    assert "SPED is not a known key" in text
    assert {key for key, _, _ in caught.value.violations} == {"RATE", "MODE", "NAME", "SPED"}
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, pc.ConfigError)
    with pytest.raises(pc.ValidationError, match="slow means at most 30"):
        Camera(MODE="slow", RATE=31)


def test_behaviour_23_a_bool_is_no_int_unless_the_profile_says_so() -> None:
    with pytest.raises(pc.ValidationError, match="of type bool, not int"):
        Camera(RATE=True)

    class Lenient(Camera, profile="ratio1"):
        pass

    assert Lenient(RATE=True)["RATE"] is True
    with pytest.raises(pc.ConfigError, match="expected 'strict' or 'ratio1'"):
        type("Other", (pc.Config,), {}, profile="other")


def test_behaviour_23_a_subclass_has_its_own_rules_and_validators_even_if_its_base_came_first() -> None:
    """naeural caches the list of validators on the class, and a subclass inherits the list: its own are skipped."""
    Camera()

    class Zoom(Camera):
        DEFAULTS = {"FOCUS": "auto"}
        VALIDATION_RULES = {"RATE": {"TYPE": "int", "MAX_VAL": 5}}

        def validate_focus(self) -> str | None:
            return None if self.FOCUS in ("auto", "manual") else f"FOCUS is {self.FOCUS}"

    with pytest.raises(pc.ValidationError, match="RATE = 10 is more than 5"):
        Zoom()
    assert Zoom(RATE=-1).RATE == -1, "a class's own rule replaces its base's as a whole"
    with pytest.raises(pc.ValidationError, match="validate_focus: FOCUS is wrong"):
        Zoom(RATE=1, FOCUS="wrong")
    with pytest.raises(pc.ValidationError, match="MODE"):
        Zoom(RATE=1, MODE="medium")
    assert Camera(RATE=60).RATE == 60
    Zoom.VALIDATION_RULES = {"RATE": {"TYPE": "int", "MAX_VAL": 50}}
    assert Zoom(RATE=50).RATE == 50, "what a class says now counts"


def test_behaviour_23_nothing_is_evaluated(tmp_path: Any) -> None:
    marker = tmp_path / "ran"

    class Evil(pc.Config):
        DEFAULTS = {"A": 1}
        VALIDATION_RULES = {"A": {"TYPE": f"open({str(marker)!r}, 'w')"}}

    with pytest.raises(pc.ConfigError, match="expected int, float, str"):
        Evil()
    assert not marker.exists()


def test_types_may_be_python_types_and_a_json_schema_speaks_of_the_whole() -> None:
    class Typed(pc.Config, merge="deep"):
        DEFAULTS = {"A": 1, "B": {"c": 1, "d": 2}}
        VALIDATION_RULES = {"A": {"TYPE": [int, None]}}
        JSON_SCHEMA = {"properties": {"B": {"properties": {"c": {"maximum": 5}}}}}

    assert Typed({"A": None, "B": {"c": 5}}).to_dict() == {"A": None, "B": {"c": 5, "d": 2}}
    with pytest.raises(pc.ValidationError, match="6 is greater than the maximum of 5"):
        Typed({"B": {"c": 6}})
    with pytest.raises(pc.ConfigError, match="B.c is of type set"):
        Typed({"B": {"c": {1}}})
    with pytest.raises(pc.ConfigError, match="A is NaN, which JSON has not"):
        Typed(A=float("nan"))


def test_a_class_is_compiled_once_and_a_configuration_validated_once() -> None:
    Camera(RATE=17)
    before = pc.stats()
    for _ in range(3):
        Camera(RATE=17)
    after = pc.stats()
    assert after["configs"]["hits"] - before["configs"]["hits"] == 3
    assert after["configs"]["loads"] == before["configs"]["loads"]
    assert after["schemas"] == before["schemas"], "nobody had to ask for the class's schema again"
