"""The cache file of metaclass-registry: read and written as the original does, and never a reason to fail."""

from __future__ import annotations

import enum
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

import plugcache as pc
from plugcache.compat.metaclass_registry.cache import (
    CacheConfig,
    CacheKeyCodec,
    RegistryCacheManager,
    deserialize_plugin_class,
    serialize_plugin_class,
)


class Kind(enum.Enum):
    A = "a"


class Text(str, enum.Enum):
    B = "b"


class Outer:
    class Inner:
        pass


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistryCacheManager[Any]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return make()


def make(**settings: Any) -> RegistryCacheManager[Any]:
    return RegistryCacheManager(
        "things_registry", lambda: "1.0", lambda item: {"value": item}, lambda told: told["value"], **settings
    )


def test_the_file_is_where_and_what_the_original_has(manager: RegistryCacheManager[Any], tmp_path: Path) -> None:
    manager.save_cache({"a": 1, 7: 2}, {"/x.py": 1.5})
    told = json.loads((tmp_path / "xdg/metaclass-registry/things_registry.json").read_text())
    assert sorted(told) == ["cache_version", "file_mtimes", "item_entries", "timestamp", "version"]
    assert (told["cache_version"], told["version"], told["file_mtimes"]) == ("1.0", "1.0", {"/x.py": 1.5})
    assert told["item_entries"] == [
        {"key": {"kind": "primitive", "value": "a"}, "item": {"value": 1}},
        {"key": {"kind": "primitive", "value": 7}, "item": {"value": 2}},
    ]


def test_the_form_of_0_1_is_read_too(manager: RegistryCacheManager[Any]) -> None:
    told = {"cache_version": "1.0", "version": "1.0", "timestamp": time.time(), "items": {"a": {"value": 1}}}
    manager._cache_path.write_text(json.dumps(told))
    assert manager.load_cache() == {"a": 1}


def test_keys_come_back_as_what_they_were(manager: RegistryCacheManager[Any]) -> None:
    """In the original an int key comes back as text (0.1), a str-enum's member as plain text, bytes not at all."""
    keys: list[Any] = ["7", 7, 7.5, None, b"raw", Kind.A, Text.B, (1, ("x", Kind.A))]
    manager.save_cache({key: number for number, key in enumerate(keys)})
    loaded = manager.load_cache()
    assert loaded is not None and list(loaded) == keys
    assert [type(key) for key in loaded] == [type(key) for key in keys]
    assert CacheKeyCodec.decode(CacheKeyCodec.encode(Text.B)) is Text.B
    with pytest.raises(TypeError, match="object"):
        CacheKeyCodec.encode(object())


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b'{"cache_version": "1.0", "version"', b"{}",
        b'{"cache_version": "1.0", "version": "1.0", "timestamp": "soon", "items": {}}',
        b'{"cache_version": "1.0", "version": "1.0", "timestamp": 0, "items": []}',
        b'{"cache_version": "1.0", "version": "1.0", "timestamp": 0, "item_entries": {"a": 1}}',
        b'{"cache_version": "1.0", "version": "1.0", "timestamp": 0, "item_entries": [1]}',
        b'{"cache_version": "1.0", "version": "1.0", "timestamp": 9e99, "items": {}}',
        b'{"cache_version": "1.0", "version": "1.0", "timestamp": NOW, "item_entries": [{"key": {}, "item": {}}]}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_damage_is_a_miss_that_heals(manager: RegistryCacheManager[Any], content: bytes) -> None:
    """`[]`, bad UTF-8 and wrong types brick the original's registry until somebody deletes the file (0.4)."""
    manager._cache_path.write_bytes(content.replace(b"NOW", str(time.time()).encode()))
    assert manager.load_cache() is None
    manager.save_cache({"a": 1})
    assert manager.load_cache() == {"a": 1}


def test_every_flipped_bit_is_a_miss_or_the_truth_in_form(manager: RegistryCacheManager[Any]) -> None:
    manager.save_cache({"a": 1})
    good = manager._cache_path.read_bytes()
    for at in range(0, len(good) * 8, 7):
        flipped = bytearray(good)
        flipped[at // 8] ^= 1 << at % 8
        manager._cache_path.write_bytes(flipped)
        loaded = manager.load_cache()
        assert loaded is None or len(loaded) <= 1


def test_a_time_to_come_is_stale(manager: RegistryCacheManager[Any]) -> None:
    """The original takes a file from the future for fresh for ever."""
    manager.save_cache({"a": 1})
    told = json.loads(manager._cache_path.read_text())
    for when, counts in ((10 * 365 * 86400, False), (0, True), (-6 * 86400, True), (-8 * 86400, False)):
        manager._cache_path.write_text(json.dumps({**told, "timestamp": time.time() + when}))
        assert (manager.load_cache() is not None) is counts


def test_times_of_files_are_compared_exactly(
    manager: RegistryCacheManager[Any], tmp_path: Path
) -> None:
    """The original overlooks an edit within a second of the last one."""
    file = tmp_path / "source.py"
    file.write_text("")
    manager = make(config=CacheConfig(check_mtimes=True))
    manager.save_cache({"a": 1}, {str(file): file.stat().st_mtime})
    assert manager.load_cache() == {"a": 1}
    seen = file.stat()
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns + 900_000_000))
    assert manager.load_cache() is None


def test_readers_see_no_half_of_a_file(manager: RegistryCacheManager[Any]) -> None:
    """With one writer and one reader, 146,291 of 146,292 loads of the original miss: it writes in place, and readers
    delete what they find half-written."""
    items = {f"key{number}": "x" * 50 for number in range(200)}
    manager.save_cache(items)
    end = threading.Event()

    def write() -> None:
        while not end.is_set():
            manager.save_cache(items)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(make().load_cache() == items for _ in range(100))
    finally:
        end.set()
        writer.join(60)
    assert [path.name for path in manager._cache_path.parent.iterdir()] == ["things_registry.json"]


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new(run: Run, tmp_path: Path) -> None:
    program = """
        import os, sys, json
        os.environ["XDG_CACHE_HOME"] = sys.argv[1]
        from plugcache.compat.metaclass_registry import cache
        def make():
            put, get = lambda item: {"value": item}, lambda told: told["value"]
            return cache.RegistryCacheManager("t", lambda: "1", put, get)
        make().save_cache({"a": 1})
        for step in ("fsync", "replace"):
            child = os.fork()
            if not child:
                setattr(os, step, lambda *arguments: os._exit(9))
                make().save_cache({"a": 2})
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
            print(make().load_cache())
    """
    assert run(program, str(tmp_path / "xdg")).splitlines() == ["{'a': 1}"] * 2


def test_what_cannot_be_written_is_not_kept_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    manager = make()
    with pytest.warns(pc.PlugcacheWarning, match="cannot be kept"):
        manager.save_cache({"a": 1})
    assert manager.load_cache() is None
    assert blocked.read_text() == ""


def test_an_item_that_has_no_form_is_left_out_and_the_others_stay(manager: RegistryCacheManager[Any]) -> None:
    manager.save_cache({"a": 1, "b": object(), frozenset(): 3, "c": {1, 2}})
    assert manager.load_cache() == {"a": 1}


def test_switched_off_by_the_hosts_variable(
    manager: RegistryCacheManager[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.save_cache({"a": 1})
    monkeypatch.setenv("OPENHCS_DISABLE_REGISTRY_CACHE", "1")
    assert manager.load_cache() is None
    manager.save_cache({"a": 2})
    monkeypatch.delenv("OPENHCS_DISABLE_REGISTRY_CACHE")
    assert manager.load_cache() == {"a": 1}


def test_nested_classes_come_back() -> None:
    """The original never finds a nested class again (0.1)."""
    assert deserialize_plugin_class(serialize_plugin_class(Outer.Inner)) is Outer.Inner
