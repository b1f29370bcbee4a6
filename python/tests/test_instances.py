"""`Instances`: running plugins, reconfigured, rolled back, stopped once."""

from __future__ import annotations

import copy
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc
from plugcache._instances import is_same

from conftest import Run


class Camera:
    """A plugin that refuses more than 60 frames a second, and keeps a diary."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.diary: list[Any] = ["start"]
        self.reconfigure(config)

    def reconfigure(self, config: dict[str, Any]) -> None:
        self.diary.append(config["rate"])
        if config["rate"] > 60:
            raise ValueError("no more than 60 frames a second")
        self.config = config

    def stop(self) -> None:
        self.diary.append("stop")


def test_one_instance_for_a_key_reconfigured_rather_than_started_again() -> None:
    with pc.Instances[Camera]("cameras", start=Camera) as cameras:
        key = ("street", "camera", "1")
        with cameras.get(key, {"rate": 25}) as first:
            handle = cameras.get(key, {"rate": 30})
            assert (handle.instance is first, handle.outcome, handle.config) == (True, "applied", {"rate": 30})
            assert cameras.get(key, {"rate": 30}).outcome == "unchanged"
            assert cameras.get(("street", "camera", 1), {"rate": 25}).instance is not first
        assert first.diary == ["start", 25, 30]
        assert cameras.find(key) is not None
        assert cameras.find("nothing") is None
        assert cameras.stats()["live"] == 2
    assert first.diary == ["start", 25, 30, "stop"]
    with pytest.raises(pc.InstanceError, match="shut down"):
        cameras.get(key, {"rate": 1})


def test_behaviour_24_a_refused_configuration_is_rolled_back() -> None:
    with pc.Instances[Camera](start=Camera) as cameras:
        handle = cameras.get("one", {"rate": 25})
        with pytest.raises(pc.InstanceConfigError, match="keeps the old one") as caught:
            cameras.get("one", {"rate": 90})
        assert isinstance(caught.value.__cause__, ValueError)
        assert handle.instance.diary == ["start", 25, 90, 25]
        assert handle.config == {"rate": 25}
        assert cameras.get("one", {"rate": 25}).outcome == "unchanged"
        assert not handle.is_old


def test_behaviour_24_one_that_refuses_the_old_one_too_is_replaced() -> None:
    class Broken(Camera):
        def reconfigure(self, config: dict[str, Any]) -> None:
            if len(self.diary) > 1:
                self.diary.append("refuses")
                raise ValueError("no")
            super().reconfigure(config)

    with pc.Instances[Broken](start=Broken) as all_of_them:
        old = all_of_them.get("one", {"rate": 1})
        with pytest.raises(pc.InstanceConfigError, match="then the old one too"):
            all_of_them.get("one", {"rate": 2})
        assert old.is_old and old.instance.diary[-1] == "refuses"
        new = all_of_them.get("one", {"rate": 2})
        assert new.outcome == "started" and new.instance is not old.instance
        plugin = old.instance
        old.release()
        assert plugin.diary[-1] == "stop", "its last user let go of it"
        with pytest.raises(pc.InstanceError, match="released"):
            _ = old.instance


def test_behaviour_24_a_failed_start_is_tried_again() -> None:
    """naeural stores `None` for a plugin whose start failed, and never tries again."""
    is_there = False

    def start(config: Any) -> str:
        if not is_there:
            raise OSError("no such device")
        return "running"

    with pc.Instances[str](start=start, retry=(3600.0, 3600.0)) as devices:
        with pytest.raises(pc.InstanceStartError, match="no such device") as caught:
            devices.get("one")
        assert isinstance(caught.value.__cause__, OSError)
        is_there = True
        with pytest.raises(pc.InstanceStartError, match="no such device"):
            devices.get("one")
        [(key, why, attempts, retry_in)] = devices.failures()
        assert (key, why, attempts) == ("(one)", "OSError: no such device", 1)
        assert 3000 < retry_in <= 3600
        assert devices.get("one", "other configuration").instance == "running"
        assert devices.failures() == []
        is_there = False
        with pytest.raises(pc.InstanceStartError):
            devices.get("two")
        is_there = True
        assert devices.retry_now("two")
        assert devices.get("two").instance == "running"


def test_behaviour_24_keys_are_full_digests_of_their_parts() -> None:
    """naeural's keys have 20 bits, and equal tuples may give different ones."""
    assert len(pc.Instances.digest(("a", "b", "c"))) == 32
    assert pc.Instances.digest(("ab", "c")) != pc.Instances.digest(("a", "bc"))
    assert pc.Instances.digest((1, 2)) != pc.Instances.digest(("1", 2))
    text = "str" + str(len("eam"))
    assert pc.Instances.digest((text, text)) == pc.Instances.digest(("str3", "str" + "3"))
    assert len({pc.Instances.digest(("stream", "signature", number)) for number in range(5000)}) == 5000
    with pytest.raises(pc.ConfigError, match="type list cannot be in the key"):
        pc.Instances.digest(([],))


def test_behaviour_8_many_threads_start_one_and_other_keys_are_not_held_up() -> None:
    started: list[str] = []
    may_end = threading.Event()
    has_begun = threading.Event()

    def start(config: Any) -> object:
        started.append(config)
        if config == "slow":
            has_begun.set()
            assert may_end.wait(60)
        return object()

    with pc.Instances[object](start=start) as all_of_them:
        got: list[pc.Instances[object]] = []

        def ask() -> None:
            got.append(all_of_them.get("slow", "slow").instance)  # type: ignore[arg-type]

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        assert has_begun.wait(60)
        # No lock is held while a plugin starts: another key starts beside it.
        all_of_them.get("quick", "quick")
        may_end.set()
        for thread in threads:
            thread.join(60)
        assert sorted(started) == ["quick", "slow"]
        assert len(got) == 4 and len(set(map(id, got))) == 1


def test_behaviour_19_a_start_that_asks_for_itself_is_told_so() -> None:
    with pc.Instances[object]() as all_of_them:
        with pytest.raises(pc.InstanceStartError, match="from inside its own start"):
            all_of_them.get("one", start=lambda config: all_of_them.get("one", start=str).instance)

        def interrupted(config: Any) -> object:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            all_of_them.get("two", start=interrupted)
        assert "two" not in str(all_of_them.failures()), "an interruption is no failure of the plugin"
        with pytest.raises(pc.ConfigError, match="say start="):
            all_of_them.get("three")


def test_behaviour_10_configurations_are_copied_and_compared_with_their_types() -> None:
    config = {"rate": 1, "marks": [1]}
    with pc.Instances[Camera](start=Camera) as cameras:
        handle = cameras.get("one", config)
        config["marks"].append(2)  # type: ignore[attr-defined]
        handle.config["marks"].append(3)
        handle.instance.config["marks"].append(4)
        assert handle.config == {"rate": 1, "marks": [1]}
        assert cameras.get("one", {"rate": 1, "marks": [1]}).outcome == "unchanged"
        assert cameras.get("one", {"rate": True, "marks": [1]}).outcome == "applied"
        with pytest.raises(pc.ConfigError, match="cannot be copied"):
            cameras.get("one", threading.Lock())


def test_what_nobody_uses_is_evicted_and_what_is_used_is_not() -> None:
    stopped: list[object] = []
    with pc.Instances[str](start=str, stop=stopped.append, capacity=1, idle_after=None) as all_of_them:
        held = all_of_them.get("one", "one")
        all_of_them.get("two", "two").release()
        all_of_them.get("three", "three").release()
        assert stopped == ["two"]
        assert held.instance == "one" and not held.is_stopped
        held.release()
        all_of_them.prune()
        assert stopped == ["two", "three"], "the one that nobody has used for longest goes first"
    assert stopped == ["two", "three", "one"]


def test_an_instance_whose_files_changed_is_replaced_and_the_old_one_stopped_after_use(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_text("1")
    stopped: list[object] = []
    models = pc.Instances[str](start=lambda _: file.read_text(), stop=stopped.append, check_interval=0.0)
    old = models.get("model", inputs=[file])
    file.write_text("22")
    new = models.get("model", inputs=[file])
    assert (old.instance, old.is_old, new.instance, stopped) == ("1", True, "22", [])
    old.release()
    assert stopped == ["1"]
    models.shutdown()


def test_one_without_a_way_to_reconfigure_says_what_to_do() -> None:
    with pc.Instances[str](start=str) as all_of_them:
        all_of_them.get("one", "a")
        with pytest.raises(pc.InstanceConfigError, match="say reconfigure="):
            all_of_them.get("one", "b")


def test_all_are_stopped_at_the_end_and_a_child_has_none(run: Run) -> None:
    program = """
        import os, sys
        import plugcache as pc

        class Plugin:
            def __init__(self, config): pass
            def stop(self): print("stopped in", "child" if os.getpid() != PARENT else "parent", flush=True)

        PARENT = os.getpid()
        plugins = pc.Instances("plugins", start=Plugin)
        handle = plugins.get("one")
        child = os.fork()
        if child == 0:
            print("child has", plugins.stats()["live"], flush=True)
            with plugins.get("one") as mine:
                assert mine is not handle._native
            del handle
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print("parent has", plugins.stats()["live"], flush=True)
    """
    assert run(program).splitlines() == ["child has 0", "stopped in child", "parent has 1", "stopped in parent"]
    assert os.getpid()


class Elementwise:
    """Compares as arrays do: by element, which is neither true nor false; and equal to what it can be stretched to."""

    def __init__(self, *values: int) -> None:
        self.values = values

    def __eq__(self, other: object) -> Any:
        return Elementwise(1, 1) if isinstance(other, Elementwise) else False

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise ValueError("the truth value of several is ambiguous")


class Unlike(Elementwise):
    def __reduce__(self) -> Any:
        raise TypeError("not to be pickled")

    def __deepcopy__(self, memo: Any) -> Unlike:
        return self


def test_configurations_that_compare_by_element_are_the_same_if_they_are() -> None:
    # `bool()` of the comparison raised, and each who asked configured the plugin anew.
    told: list[Any] = []
    settings: Any = {"start": lambda config: object(), "reconfigure": lambda one, new: told.append(new)}
    with pc.Instances[Any]("arrays", **settings) as instances:
        for value, outcome in [
            (Elementwise(1, 2), "started"),
            (Elementwise(1, 2), "unchanged"),
            (Elementwise(1, 3), "applied"),
            (Unlike(1), "applied"),
            (Unlike(1), "applied"),
        ]:
            handle = instances.get("key", {"a": value})
            assert handle.outcome == outcome
            handle.release()
    assert len(told) == 3


def test_arrays_in_configurations() -> None:
    numpy = pytest.importorskip("numpy")
    arrays = [
        numpy.arange(3), numpy.arange(4), numpy.arange(3.0), numpy.array([1]), numpy.array([[1]]), numpy.array([True]),
        numpy.array([]), numpy.zeros((2, 3)), numpy.zeros((3, 2)), numpy.float64(1), numpy.array(["a"]),
        numpy.array([{"a": 1}], dtype=object),
    ]
    for number, one in enumerate(arrays):
        for place, other in enumerate(copy.deepcopy(arrays)):
            assert is_same({"a": one}, {"a": other}) is (number == place), (one, other)
