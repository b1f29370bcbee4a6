"""ratio1's way from a name to a plugin: what its programs ask, and the faults that the original had."""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Run
from plugcache.compat import ratio1
from ratio1_host import Host, Log, Node, node_of_its_own

NOTHING = (None, None, None, None)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    yield from node_of_its_own(tmp_path, monkeypatch)


def manager(**config: Any) -> ratio1.Manager:
    return ratio1.Manager(Log(**config))


# ---- what programs ask -------------------------------------------------------------------------------------------


def test_the_signatures_are_the_originals() -> None:
    def told(function: Callable[..., Any]) -> dict[str, Any]:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        return {one.name: one.default for one in parameters}

    empty = inspect._empty
    own = {"locations": empty, "name": empty}
    more = {"safe_locations": None, "safe_imports": None}
    mixin = told(ratio1._PluginsManagerMixin._get_module_name_and_class)
    assert mixin == {
        **own,
        "search_in_packages": None,
        "suffix": None,
        "verbose": 1,
        "safety_check": False,
        **more,
        "class_safety_check": False,
    }
    assert list(mixin)[2] == "search_in_packages"
    assert told(ratio1.Manager._get_module_name_and_class) == {
        **own,
        "suffix": None,
        "verbose": 1,
        "safety_check": True,
        **more,
    }


@pytest.mark.parametrize("make", [Host, manager])
def test_a_plugin_by_name(node: Node, make: Callable[[], Any]) -> None:
    body = """
        __VER__ = "1.2.3"
        _CONFIG = {"A": [1], "B": {"C": 2}}
        """
    node.plugin("view_scene_01", body, name="ViewScene01Plugin")
    for name in ("VIEW_SCENE_01", "view_scene_01", "ViewScene_01"):
        module, class_name, found, config = node.ask(make(), name)
        assert module is sys.modules[f"{node.user}.plugins.view_scene_01"]
        assert class_name == "ViewScene01Plugin"
        assert found is module.ViewScene01Plugin
        assert config == {"A": [1], "B": {"C": 2}, "MODULE_VERSION": "1.2.3"}


def test_without_a_class_of_the_name_there_is_the_module_and_its_configuration(node: Node) -> None:
    node.plugin("a", name="Other")
    host = Host()
    module, class_name, found, config = node.ask(host, "a")
    assert (module.__name__, class_name, found) == (f"{node.user}.plugins.a", None, None)
    assert config == {"MODULE_VERSION": "0.0.0"}
    assert "'Other'" in host.log.text()


def test_imported_classes_count_and_underscores_do_not(node: Node) -> None:
    node.plugin("base", name="A_B_Plugin")
    node.write(f"{node.user}/plugins/ab.py", f"from {node.user}.plugins.base import A_B_Plugin as AbPlugin\n")
    module, class_name, found, _ = node.ask(Host(), "ab", suffix="_Plugin")
    assert (class_name, found) == ("AbPlugin", sys.modules[f"{node.user}.plugins.base"].A_B_Plugin)


@pytest.mark.parametrize("verbose", [0, 1])
def test_an_unknown_plugin_is_said_and_nothing(node: Node, verbose: int) -> None:
    host = Host()
    assert node.ask(host, "nowhere", verbose=verbose) == NOTHING
    assert ("nowhere" in host.log.text()) is bool(verbose)


def test_safe_locations_come_first_and_are_not_judged(node: Node) -> None:
    node.plugin("a", "import os")
    node.plugin(f"{node.safe}.default.deep.a", "import os")
    asked: dict[str, Any] = {
        "safe_locations": f"{node.safe}.default",
        "search_in_packages": [node.safe],
        "safety_check": True,
    }
    host = Host(SECURED=True)
    assert node.ask(host, "a", **asked)[0].__name__ == f"{node.safe}.default.deep.a"
    assert not host.notifications
    assert node.ask(host, "a", safety_check=True) == NOTHING
    assert node.ask(host, "a")[0].__name__ == f"{node.user}.plugins.a"


def test_packages_inside_count_of_named_packages_and_below_the_working_directory(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.plugin("deep.er.a")
    assert node.ask(Host(), "a")[0].__name__ == f"{node.user}.plugins.deep.er.a"
    monkeypatch.chdir(tmp_path)
    assert node.ask(Host(), "a") == NOTHING
    safe = {"safe_locations": [f"{node.user}.plugins"], "search_in_packages": [node.user]}
    assert node.ask(Host(), "a", locations=[], **safe)[1] == "APlugin"


def test_a_plugin_that_is_compiled_only(node: Node) -> None:
    import py_compile

    file = node.plugin("deep.a", "_CONFIG = {'A': 1}")
    py_compile.compile(str(file), str(file.with_suffix(".pyc")))
    file.unlink()
    module, class_name, _, config = node.ask(Host(), "a")
    assert (module.__name__, class_name, config["A"]) == (f"{node.user}.plugins.deep.a", "APlugin", 1)
    # There is nothing to judge, so on a secured node it is refused.
    node.forget()
    assert node.ask(Host(SECURED=True), "a", safety_check=True) == NOTHING


def test_a_plugin_that_is_a_package(node: Node) -> None:
    node.write(f"{node.user}/plugins/a/__init__.py", "from .b import APlugin\n")
    node.write(f"{node.user}/plugins/a/b.py", "class APlugin: pass\n")
    module, _, found, _ = node.ask(Host(), "a")
    assert (module.__name__, found.__module__) == (f"{node.user}.plugins.a", f"{node.user}.plugins.a.b")


def test_a_host_may_have_a_search_and_checks_of_its_own(node: Node) -> None:
    node.plugin("a")

    class Own(Host):
        def _get_plugin_by_name(self, *args: Any, **kwargs: Any) -> str | None:
            return f"{node.user}.plugins.a"

        def _perform_module_safety_check(self, module: Any, safe_imports: Any = None) -> tuple[bool, str]:
            return module.__name__ != f"{node.user}.plugins.a", "never"

        def _perform_class_safety_check(self, classdef: type) -> tuple[bool, str]:
            return False, "no class"

    assert node.ask(Own(), "whatever", suffix=None)[0].__name__ == f"{node.user}.plugins.a"
    host = Own()
    assert node.ask(host, "a", safety_check=True) == NOTHING
    assert "never" in host.log.text()
    host = Own()
    assert node.ask(host, "a", class_safety_check=True) == NOTHING
    assert "no class" in host.log.text()


# ---- the faults that it had --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [Host, manager])
def test_behaviour_3_a_miss_is_not_sticky(node: Node, make: Callable[[], Any]) -> None:
    # Stored unconditionally, a plugin that was missing once was missing until the process ended.
    host = make()
    assert node.ask(host, "late") == NOTHING
    node.plugin("late")
    assert node.ask(host, "late")[1] == "LatePlugin"


@pytest.mark.parametrize("make", [Host, manager])
def test_behaviour_3_a_failure_is_not_sticky(node: Node, make: Callable[[], Any]) -> None:
    host = make()
    helper = f"{node.user}_helper"
    node.plugin("a", f"import {helper}")
    assert node.ask(host, "a") == NOTHING
    assert "ModuleNotFoundError" in host.log.text()
    (node.root / f"{helper}.py").write_text("")
    assert node.ask(host, "a")[1] == "APlugin"
    del sys.modules[helper]


@pytest.mark.parametrize("make", [Host, manager])
def test_behaviour_2_an_edited_plugin_is_loaded_anew(node: Node, make: Callable[[], Any]) -> None:
    # The cache of the original was never invalid.
    host = make()
    file = node.plugin("a", "_CONFIG = {'A': 1}")
    before = os.stat(file)
    first = node.ask(host, "a")
    assert first[3]["A"] == 1
    # The same size, and the same time: only the content tells.
    node.plugin("a", "_CONFIG = {'A': 2}")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = node.ask(host, "a")
    assert second[3]["A"] == 2 and second[2] is not first[2]
    assert second[0] is sys.modules[second[0].__name__] is not first[0]
    # An edit that breaks it is no answer, and what was there goes on for those who import it.
    file.write_text("class APlugin(:\n")
    assert node.ask(host, "a") == NOTHING
    assert sys.modules[second[0].__name__] is second[0]
    node.plugin("a", "_CONFIG = {'A': 2}")
    assert node.ask(host, "a")[2] is second[2]
    file.unlink()
    assert node.ask(host, "a") == NOTHING


def test_behaviour_2_a_file_that_comes_first_is_the_next_answer(node: Node) -> None:
    host = manager()
    node.plugin("a")
    assert node.ask(host, "a")[0].__name__ == f"{node.user}.plugins.a"
    node.plugin(f"{node.safe}.default.a")
    assert node.ask(host, "a")[0].__name__ == f"{node.safe}.default.a"


def test_behaviour_5_the_key_has_all_that_selects_the_answer(node: Node) -> None:
    # By its name alone, a plugin of another suffix or location was the first one's.
    host = manager(SECURED=True)
    node.write(f"{node.user}/plugins/a.py", "import os\nclass APlugin: pass\nclass AServing: pass\n")
    node.plugin("other.a")
    unjudged = {"safety_check": False}
    assert node.ask(host, "a", **unjudged)[1] == "APlugin"
    assert node.ask(host, "a", suffix="Serving", **unjudged)[1] == "AServing"
    assert node.ask(host, "a", suffix=None, **unjudged)[1] is None
    other = node.ask(host, "a", locations=[f"{node.user}.plugins.other"], **unjudged)
    assert other[0].__name__ == f"{node.user}.plugins.other.a"
    assert node.ask(host, "a", safe_imports=["math"]) == NOTHING
    assert node.ask(host, "a", safe_imports=["os"])[1] == "APlugin"
    assert node.ask(host, "a") == NOTHING
    assert len(host.plugin_locations_cache) == 4
    host.log.config_data["SECURED"] = False
    assert node.ask(host, "a")[1] == "APlugin"


def test_behaviour_10_the_configuration_is_the_callers_own(node: Node) -> None:
    # The cache handed out one dictionary to all.
    host = manager()
    node.plugin("a", "_CONFIG = {'A': {'B': []}}")
    for _ in range(3):
        config = node.ask(host, "a")[3]
        assert config == {"A": {"B": []}, "MODULE_VERSION": "0.0.0"}
        config["A"]["B"].append("mine")
        config["MODULE_VERSION"] = "mine"
    for kept in host.plugin_locations_cache.values():
        kept[3]["A"] = "mine"
    assert node.ask(host, "a")[3] == {"A": {"B": []}, "MODULE_VERSION": "0.0.0"}


def test_two_managers_have_one_class(node: Node) -> None:
    # The original imported a module anew for each: an instance of one's class was none of the other's.
    node.plugin("a")
    one, other, third = (node.ask(host, "a")[2] for host in (manager(), manager(), Host()))
    assert one is other is third
    assert isinstance(one(), other)


@pytest.mark.parametrize("is_new", [False, True])
def test_a_plugin_that_another_one_derives_from_is_its_base(
    node: Node, is_new: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The original imported the base anew when it was asked for by name.
    import time

    node.plugin("base")
    body = f"from {node.user}.plugins.base import BasePlugin\nclass DerivedPlugin(BasePlugin): pass\n"
    node.write(f"{node.user}/plugins/derived.py", body)
    node.plugin("ready")
    wall, steady, later = time.time, time.monotonic, 0 if is_new else 60
    with monkeypatch.context() as clocks:
        clocks.setattr(time, "time", lambda: wall() + later)
        clocks.setattr(time, "monotonic", lambda: steady() + later)
        node.ask(manager(), "ready")
        for host in (manager(), Host()):
            found = node.ask(host, "derived")[2]
            base = node.ask(host, "base")[2]
            # Written at this very moment it may have been written after it was imported: then it is loaded anew.
            assert is_new or issubclass(found, base)
            assert base is node.ask(manager(), "base")[2]
    # An edit is seen in any case.
    node.plugin("base", "_CONFIG = {'A': 1}")
    assert node.ask(manager(), "base")[3]["A"] == 1


def test_what_the_program_imported_before_an_edit_is_not_taken_for_it(node: Node) -> None:
    import importlib

    node.plugin("a", "_CONFIG = {'A': 1}")
    importlib.import_module(f"{node.user}.plugins.a")
    node.plugin("a", "_CONFIG = {'A': 2}")
    assert node.ask(manager(), "a")[3]["A"] == 2


def test_a_hit_says_one_line(node: Node) -> None:
    node.plugin("a")
    host = manager()
    node.ask(host, "a")
    host.log.said.clear()
    node.ask(host, "a")
    assert [text for text, _ in host.log.said] == ["Attempting to load Manager plugin 'a'"]
    host.log.config_data["PLUGINS_DEBUG_LOAD_TIMINGS"] = True
    node.ask(host, "a")
    assert "cache_hit=True" in host.log.said[-1][0]


def test_behaviour_12_duplicates_are_the_same_every_time_and_told(run: Run, tmp_path: Path) -> None:
    # A set decided: four answers in six hash seeds.
    for below in ("z", "m", "a", "a/b", "q"):
        (tmp_path / "plugs" / below).mkdir(parents=True, exist_ok=True)
        (tmp_path / "plugs" / below / "x.py").write_text("class X: pass\n")
    program = """
        import os, sys
        os.chdir(sys.argv[1])
        sys.path.insert(0, sys.argv[1])
        from plugcache.compat import ratio1
        class Host(ratio1._PluginsManagerMixin):
            P = lambda self, text, color=None: said.append(text)
        said = []
        found = Host()._get_module_name_and_class("plugs", "X")
        print(found[0].__name__, "plugs.a.b.x" in "".join(said))
    """
    told = {run(program, str(tmp_path), PYTHONHASHSEED=str(seed)) for seed in range(4)}
    assert told == {"plugs.a.x True"}


def test_behaviour_12_locations_come_in_their_order(node: Node) -> None:
    for below in ("b", "a"):
        node.plugin(f"{below}.x")
    for first, second in (("a", "b"), ("b", "a")):
        where = [f"{node.user}.plugins.{one}" for one in (first, second)]
        assert node.ask(Host(), "x", locations=where)[0].__name__ == f"{where[0]}.x"


# ---- threads -----------------------------------------------------------------------------------------------------


def together(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("is_judged", [False, True])
def test_behaviour_8_threads_load_one_plugin_once(node: Node, is_judged: bool) -> None:
    # Without a lock each thread imported it: eight threads, eight classes.
    node.write(f"{node.safe}/seen.py", "loads = []\n")
    node.plugin("a", f"import {node.safe}.seen\n{node.safe}.seen.loads.append(1)")
    found: list[Any] = []
    start = threading.Barrier(8, timeout=60)

    def work(number: int) -> None:
        start.wait()
        found.append(node.ask(manager(), "a", safety_check=is_judged, safe_imports=[node.safe])[2])

    together(8, work)
    assert len(found) == 8 and len(set(found)) == 1 and found[0] is not None
    assert sys.modules[f"{node.safe}.seen"].loads == [1]


def test_behaviour_8_different_plugins_load_side_by_side_and_a_hit_waits_for_nobody(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = type(sys)("plugcache_test_meeting")
    monkeypatch.setitem(sys.modules, "plugcache_test_meeting", meeting)
    host = manager()
    node.plugin("ready")
    node.ask(host, "ready")

    def barrier_action() -> None:
        # Both modules are in the middle of their code.
        assert node.ask(host, "ready")[1] == "ReadyPlugin"

    vars(meeting)["barrier"] = threading.Barrier(2, barrier_action, timeout=60)
    for name in ("a", "b"):
        node.plugin(name, "import plugcache_test_meeting\nplugcache_test_meeting.barrier.wait()")
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        found[number] = node.ask(manager(), "ab"[number])[1]

    together(2, work)
    assert found == {0: "APlugin", 1: "BPlugin"}


def test_behaviour_9_plugins_that_ask_for_each_other_finish(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = type(sys)("plugcache_test_meeting")
    vars(meeting).update(barrier=threading.Barrier(2, timeout=60), node=node, manager=manager)
    monkeypatch.setitem(sys.modules, "plugcache_test_meeting", meeting)
    for name, other in (("a", "b"), ("b", "a")):
        body = f"""
            import plugcache_test_meeting as meeting
            meeting.barrier.wait()
            found = meeting.node.ask(meeting.manager(), "{other}")
            """
        node.plugin(name, body)
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        found[number] = node.ask(manager(), "ab"[number])

    together(2, work)
    assert [found[number][1] for number in range(2)] == ["APlugin", "BPlugin"]


@pytest.mark.parametrize("is_judged", [False, True])
def test_behaviour_9_a_plugin_that_the_program_is_importing(
    node: Node, is_judged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One thread imports the module by its name, another asks for the plugin: both get what one load made.
    import importlib

    meeting = type(sys)("plugcache_test_meeting")
    vars(meeting).update(began=threading.Event(), go=threading.Event(), loads=[])
    monkeypatch.setitem(sys.modules, "plugcache_test_meeting", meeting)
    body = """
        import plugcache_test_meeting as meeting
        meeting.loads.append(1)
        meeting.began.set()
        assert meeting.go.wait(60)
        """
    node.plugin("a", body)
    found: list[Any] = []
    host = Host(SECURED=is_judged)
    imports = ["plugcache_test_meeting"]

    def work(number: int) -> None:
        if number == 0:
            found.append(importlib.import_module(f"{node.user}.plugins.a"))
        else:
            assert vars(meeting)["began"].wait(60)
            vars(meeting)["go"].set()
            found.append(node.ask(host, "a", safety_check=is_judged, safe_imports=imports)[0])

    together(2, work)
    assert all(module is not None for module in found)
    assert [module.APlugin.__name__ for module in found] == ["APlugin"] * 2
    # A file that was written at this very moment is loaded once more, to be sure.
    assert 1 <= len(vars(meeting)["loads"]) <= 2


def test_behaviour_19_a_plugin_that_asks_for_itself_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = type(sys)("plugcache_test_meeting")
    hosts: list[Host] = []
    vars(meeting).update(node=node, hosts=hosts, make=Host)
    monkeypatch.setitem(sys.modules, "plugcache_test_meeting", meeting)
    body = """
        import plugcache_test_meeting as meeting
        meeting.hosts.append(meeting.make())
        found = meeting.node.ask(meeting.hosts[-1], "a")
        """
    node.plugin("a", body)
    module = node.ask(Host(), "a")[0]
    assert module.found == NOTHING and len(hosts) == 1
    assert "ReentrantError" in hosts[0].log.text()


def test_behaviour_19_all_who_wait_for_a_failure_get_it_and_the_next_tries_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = type(sys)("plugcache_test_meeting")
    vars(meeting).update(loads=[], works=False)
    monkeypatch.setitem(sys.modules, "plugcache_test_meeting", meeting)
    body = """
        import sys, plugcache_test_meeting as meeting
        meeting.loads.append(1)
        if not meeting.works:
            sys.exit(3)
        """
    node.plugin("a", body)
    found: list[Any] = []
    together(4, lambda number: found.append(node.ask(manager(), "a")))
    assert found == [NOTHING] * 4
    assert 1 <= len(vars(meeting)["loads"]) <= 4
    vars(meeting)["works"] = True
    assert node.ask(manager(), "a")[1] == "APlugin"
