"""`cacheapi_*`: what plugins of naeural_core find again, and that the original reads it, and the reverse."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc
import ratio1_originals as originals
from plugcache.compat import ratio1
from ratio1_host import Log


class Plugin(ratio1._PersistenceSerializationMixin):
    plugin_id = "Stream__Sig__01"
    _cache_folder = "cache_plugins"

    def __init__(self, data: Path, signature: Any = None) -> None:
        super().__init__()
        self.log = Log(data)
        self.cfg_serialization_signature = signature

    def P(self, text: str, color: str | None = None) -> None:
        self.log.P(text, color=color)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    place = tmp_path / "_data"
    place.mkdir(mode=0o755)
    return place


def original(data: Path, command: str, *signature: str) -> Any:
    """What the original's own code does there."""
    program = [sys.executable, originals.__file__, command, str(data), *signature]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def files(data: Path) -> set[str]:
    """Files of the plugin, without locks."""
    return {name for name in os.listdir(data / "cache_plugins" / "stream__sig__01")}


# ---- with the original -------------------------------------------------------------------------------------------


def test_the_original_reads_what_is_saved_here(data: Path) -> None:
    plugin = Plugin(data, "v1")
    plugin.cacheapi_save_pickle(originals.PICKLED)
    plugin.cacheapi_save_json(originals.SAVED)
    assert original(data, "load", "v1") == [repr(originals.PICKLED), originals.SAVED]
    # With another signature it loads the JSON only, as the original guards.
    assert original(data, "load", "v2") == ["None", originals.SAVED]
    assert {"object.pickle", "metadata.json", "data.json"} <= files(data)


def test_what_the_original_saved_is_read_here(data: Path) -> None:
    assert original(data, "save", "v1")
    assert Plugin(data, "v1").cacheapi_load_pickle() == originals.PICKLED
    assert Plugin(data).cacheapi_load_pickle() == originals.PICKLED
    assert Plugin(data, "v1").cacheapi_load_json() == originals.SAVED
    assert Plugin(data, "v2").cacheapi_load_json() == originals.SAVED
    assert Plugin(data, "v2").cacheapi_load_pickle(default="none") == "none"


def test_they_may_take_turns(data: Path) -> None:
    Plugin(data, "v1").cacheapi_save_pickle("ours")
    Plugin(data, "v1").cacheapi_save_json({"x": "ours"})
    assert original(data, "save", "v1")
    assert Plugin(data, "v1").cacheapi_load_pickle() == originals.PICKLED
    assert Plugin(data, "v1").cacheapi_load_json() == originals.SAVED
    Plugin(data, "v2").cacheapi_save_pickle([0])
    Plugin(data, "v2").cacheapi_save_json({"x": [0]})
    assert original(data, "load", "v2") == ["[0]", {"x": [0]}]


# ---- what plugins ask --------------------------------------------------------------------------------------------


def test_the_signatures_are_the_originals() -> None:
    def told(function: Callable[..., Any]) -> dict[str, Any]:
        return {one.name: one.default for one in list(inspect.signature(function).parameters.values())[1:]}

    empty = inspect._empty
    mixin = ratio1._PersistenceSerializationMixin
    assert told(mixin.cacheapi_save_pickle) == {"obj": empty, "verbose": True}
    assert told(mixin.cacheapi_load_pickle) == {"default": None, "verbose": True}
    assert told(mixin.cacheapi_save_json) == {"obj": empty, "verbose": False}
    assert told(mixin.cacheapi_load_json) == {"default": {}, "verbose": False}
    assert told(mixin.persistence_serialization_update) == {"update_callback": empty, "verbose": True}
    assert list(told(mixin.persistence_serialization_load_from_serving)) == ["name", "default", "verbose"]
    assert list(told(mixin.persistence_serialization_save_to_serving)) == ["obj", "name", "verbose"]
    assert list(told(mixin.persistence_serialization_update_serving)) == ["update_callback", "name", "verbose"]


@pytest.mark.parametrize("value", [None, [], {}, 0, "", False, 1, {"a": [None]}])
def test_behaviour_14_what_is_false_comes_back(data: Path, value: Any) -> None:
    # `load(…) or default` made the default of it.
    plugin = Plugin(data)
    assert plugin.cacheapi_load_pickle(default="none") == plugin.cacheapi_load_json(default="none") == "none"
    plugin.cacheapi_save_pickle(value)
    plugin.cacheapi_save_json(value)
    for found in (plugin.cacheapi_load_pickle(default="none"), plugin.cacheapi_load_json(default="none")):
        assert found == value and type(found) is type(value)


def test_the_default_of_one_plugin_is_not_that_of_the_next(data: Path) -> None:
    # The original handed out its one default dictionary.
    Plugin(data).cacheapi_load_json()["leaked"] = True
    assert Plugin(data).cacheapi_load_json() == {}
    mine = {"mine": True}
    assert Plugin(data).cacheapi_load_json(default=mine) is mine


def test_keys_of_json_keep_their_types(data: Path) -> None:
    # `{"1": …}` came back as `{1: …}`.
    value = {
        "1": {"x": [{"2": 3}, {4: {True: None, "y": {None: 1.5, 2.5: []}}}]},
        "text": {1: "int"},
        "٣": "a digit elsewhere",
    }
    plugin = Plugin(data)
    plugin.cacheapi_save_json(value)
    found = Plugin(data).cacheapi_load_json()
    assert repr(found) == repr(value)
    # What the original writes over it has text as keys, as the file says.
    original(data, "save")
    assert plugin.cacheapi_load_json() == originals.SAVED
    plugin.cacheapi_save_json({"1": 1})
    assert plugin.cacheapi_load_json() == {"1": 1}
    with pytest.raises(pc.StoreError, match="two keys"):
        plugin.cacheapi_save_json({"1": "text", 1: "int"})


def test_json_is_written_as_the_original_does(data: Path) -> None:
    plugin = Plugin(data)
    plugin.cacheapi_save_json({"when": datetime(2026, 1, 2, 3, 4, 5), "nan": float("nan"), "t": (1, float("inf"))})
    assert plugin.cacheapi_load_json() == {"when": "2026-01-02 03:04:05", "nan": None, "t": [1, None]}


@pytest.mark.parametrize("kind", ["pickle", "json"])
def test_a_save_that_fails_is_told_and_leaves_what_there_was(data: Path, kind: str) -> None:
    # An object that cannot be pickled was silently not saved, and left a `.tmp`; JSON left half a file.
    plugin = Plugin(data)
    save = getattr(plugin, f"cacheapi_save_{kind}")
    load = getattr(plugin, f"cacheapi_load_{kind}")
    save({"a": 1})
    before = files(data)
    with pytest.raises(pc.StoreError, match="still there"):
        save({"b": 2, "c": lambda: 0}, verbose=False)
    assert plugin.log.said[-1][1] == "r" and "not saved" in plugin.log.said[-1][0]
    assert load() == {"a": 1}
    assert files(data) == before


@pytest.mark.parametrize(("saved", "current", "is_found"), [
    (None, None, True), ("v1", "v1", True), ("v1", None, True), (None, "v1", False), ("v1", "v2", False),
    (5, 5, True), (5, "5", False), ({"a": [1]}, {"a": [1]}, True),
])
def test_the_signature_guards_the_pickle(data: Path, saved: Any, current: Any, is_found: bool) -> None:
    Plugin(data, saved).cacheapi_save_pickle("object")
    Plugin(data, saved).cacheapi_save_json("json")
    plugin = Plugin(data, current)
    assert plugin.cacheapi_load_pickle(default="none") == ("object" if is_found else "none")
    assert plugin.cacheapi_load_json() == "json"
    assert ("signature" in plugin.log.text()) is not is_found


def test_behaviour_6_damage_is_told_and_gives_the_default(data: Path) -> None:
    plugin = Plugin(data)
    plugin.cacheapi_save_pickle("object")
    plugin.cacheapi_save_json("json")
    place = data / "cache_plugins" / "stream__sig__01"
    for name in ("object.pickle", "data.json"):
        (place / name).write_bytes(b"\x80 no such thing")
    assert plugin.cacheapi_load_pickle(default=1, verbose=False) == 1
    assert plugin.cacheapi_load_json(default=2) == 2
    assert plugin.log.text().count("cannot be loaded") == 2


def test_objects_are_updated_as_a_whole(data: Path) -> None:
    plugin = Plugin(data, "v1")
    plugin.persistence_serialization_update(lambda found: [found])
    assert plugin.cacheapi_load_pickle() == [None]
    calls: list[Any] = []

    def change(found: list[Any]) -> list[Any]:
        calls.append(list(found))
        if len(calls) == 1:
            # Somebody else saves at this moment.
            Plugin(data, "v1").cacheapi_save_pickle([*found, "other"])
        return [*found, "mine"]

    plugin.persistence_serialization_update(change)
    assert calls == [[None], [None, "other"]]
    assert plugin.cacheapi_load_pickle() == [None, "other", "mine"]
    # Under another signature it is updated all the same, as in the original.
    Plugin(data, "v2").persistence_serialization_update(lambda found: len(found))
    assert Plugin(data, "v2").cacheapi_load_pickle() == 3

    def broken(found: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(pc.StoreError, match="KeyError"):
        plugin.persistence_serialization_update(broken)
    assert Plugin(data).cacheapi_load_pickle() == 3


def test_serving_processes_have_their_own(data: Path) -> None:
    plugin = Plugin(data)
    plugin.persistence_serialization_save_to_serving({"w": 1}, "TH_Yolo")
    plugin.persistence_serialization_update_serving(lambda found: {**found, "v": 2}, "th_yolo")
    assert plugin.persistence_serialization_load_from_serving("TH_YOLO") == {"w": 1, "v": 2}
    assert plugin.persistence_serialization_load_from_serving("other", default="none") == "none"
    assert (data / "cache_serving" / "th_yolo" / "object.pickle").exists()


def test_without_a_category_it_is_in_the_data_directory(data: Path) -> None:
    class Plain(ratio1._PersistenceSerializationMixin):
        def __init__(self) -> None:
            super().__init__()
            self.log = Log(data)

        def P(self, text: str, color: str | None = None) -> None:
            self.log.P(text, color=color)

    plugin = Plain()
    plugin.cacheapi_save_pickle([1])
    plugin.cacheapi_save_json([2])
    assert (plugin.cacheapi_load_pickle(), plugin.cacheapi_load_json()) == ([1], [2])
    assert {"object.pickle", "data.json", "metadata.json"} <= set(os.listdir(data / "plain"))
    assert plugin._maybe_setup_persistence_fld() == plugin._persistence_fld == "/plain"
