"""`Store` and `ManifestCache`."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc

from conftest import Run


def test_a_store_is_a_mapping_that_lasts(place: Path, run: Run) -> None:
    store = pc.Store("my-plugin")
    assert dict(store) == {}
    for name, value in VALUES.items():
        store[name] = value
    assert list(store) == list(VALUES)
    assert dict(store) == VALUES
    assert {name: type(value) for name, value in store.items()} == {
        name: type(value) for name, value in VALUES.items()
    }
    assert run("import plugcache as pc; print(sorted(pc.Store('my-plugin')))") == str(sorted(VALUES))
    del store["none"]
    assert "none" not in store
    assert len(store) == len(VALUES) - 1
    with pytest.raises(KeyError):
        store["none"]
    with pytest.raises(KeyError):
        del store["none"]
    store["none"] = 1
    assert store["none"] == 1
    assert pc.clear() == 0
    assert store["text"] == "é"
    assert dict(pc.Store("other")) == {}
    store.clear()
    assert dict(store) == {}


VALUES: dict[str, Any] = {
    "none": None, "empty": {}, "list": [], "zero": 0, "float": 1.0, "text": "é", "bytes": b"\x00b", "no bytes": b"",
    "nested": {"a": [1, {"b": None}]}, "": "no name", "../../etc/passwd": True,
}  # fmt: skip


def test_behaviour_10_what_is_read_is_a_copy() -> None:
    store = pc.Store("p")
    store["a"] = [1]
    store["a"].append(2)
    assert store["a"] == [1]


@pytest.mark.parametrize("value", [(1,), {1: 2}, {1}, 1j, float("nan"), [b"x"], object(), {"a": (1,)}])
def test_what_would_not_come_back_as_it_is_is_refused(value: object) -> None:
    store = pc.Store("p")
    with pytest.raises(pc.StoreError):
        store["a"] = value
    assert dict(store) == {}


def test_pickles_are_for_who_asks_for_them() -> None:
    pickled = pc.Store("p", codec="pickle")
    pickled["a"] = {1: (2,)}
    pickled["b"] = b"bytes"
    assert pickled["a"] == {1: (2,)}
    plain = pc.Store("p")
    assert plain["b"] == b"bytes"
    with pytest.raises(pc.StoreError, match='say codec="pickle"'):
        plain["a"]


def test_another_signature_is_told() -> None:
    pc.Store("p", signature="v1")["a"] = 1
    assert pc.Store("p", signature="v1")["a"] == 1
    newer = pc.Store("p", signature="v2")
    with pytest.raises(pc.StaleDataError, match=r'"v1".*"v2"'):
        newer["a"]
    newer["a"] = 2
    assert newer["a"] == 2


def test_threads_that_save_lose_nothing(place: Path) -> None:
    def save(number: int) -> None:
        pc.Store("p")[f"name{number}"] = number

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert dict(pc.Store("p")) == {f"name{number}": number for number in range(8)}


def test_manifests_are_read_once_in_their_time() -> None:
    manifests = pc.ManifestCache(ttl=300)
    loaded = []

    def load(plugin_id: str) -> dict[str, Any]:
        loaded.append(plugin_id)
        manifest: dict[str, Any] = json.loads('{"inputs": []}')
        return {**manifest, "id": plugin_id}

    assert manifests.get("ocr", load) == {"inputs": [], "id": "ocr"}
    manifests.get("ocr", load)["inputs"].append("spoilt")
    assert manifests.get("ocr", load) == {"inputs": [], "id": "ocr"}
    assert manifests.get("asr", load)["id"] == "asr"
    assert loaded == ["ocr", "asr"]
    assert manifests.stats()["total_entries"] == 2
    assert manifests.stats()["ttl_seconds"] == 300
    manifests.clear("ocr")
    manifests.get("ocr", load)
    manifests.clear()
    assert manifests.stats()["total_entries"] == 0
    assert loaded == ["ocr", "asr", "ocr"]


def test_behaviour_14_manifests_that_are_nothing_are_kept_and_errors_are_not() -> None:
    manifests = pc.ManifestCache()
    loaded = []

    def load(plugin_id: str) -> Any:
        loaded.append(plugin_id)
        if plugin_id == "fails":
            raise LookupError(plugin_id)
        return None

    for _ in range(2):
        assert manifests.get("none", load) is None
        with pytest.raises(LookupError):
            manifests.get("fails", load)
    assert loaded == ["none", "fails", "fails"]
    with pytest.raises(pc.ConfigError, match="ttl"):
        pc.ManifestCache(ttl=0)


def test_behaviour_8_different_manifests_load_side_by_side() -> None:
    manifests = pc.ManifestCache()
    barrier = threading.Barrier(8)

    def load(plugin_id: str) -> str:
        # All loaders are in here at the same time, or this fails.
        barrier.wait(20)
        return plugin_id

    got: list[str] = []
    threads = [
        threading.Thread(target=lambda n=number: got.append(manifests.get(str(n), load))) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(got) == [str(number) for number in range(8)]


@pytest.mark.parametrize("codec", ["json", "pickle"])
def test_what_cannot_be_saved_is_told_with_the_plugin_and_the_name(place: Path, codec: Any) -> None:
    # Half a character, and a number with more digits than Python writes, raised what the encoder raises.
    store = pc.Store("my-plugin", codec=codec)
    half = "\ud800"
    assert half not in store and store.get(half) is None
    with pytest.raises(pc.StoreError, match=r"'my-plugin'.*'\\ud800'"):
        store[half] = 1
    for value in [half, {"a": [half]}, {half: 1}, 10**5000] if codec == "json" else [lambda: None]:
        with pytest.raises(pc.StoreError, match="plugin 'my-plugin': 'it'"):
            store["it"] = value
    assert "it" not in store and list(store) == []
    with pytest.raises(pc.ConfigError, match="half a character"):
        pc.Store(half)
