"""Plugins of users, judged before any of their code runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc
from plugcache.compat import ratio1
from plugcache.compat.ratio1 import _judging, _load
from ratio1_host import Host, Log, Node, node_of_its_own

NOTHING = (None, None, None, None)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    yield from node_of_its_own(tmp_path, monkeypatch)
    _judging.choose("strict")


def secured() -> Host:
    return Host(SECURED=True)


def ran(node: Node) -> bool:
    return (node.root / "ran").exists()


#: Each leaves a trace when its code runs.
UNSAFE = {
    "an import": "import os\nos.mkdir('ran')",
    "an import by name": "__import__('os').mkdir('ran')",
    "a name": "exec('import os; os.mkdir(\"ran\")')",
    "a walk over classes": "[one for one in ().__class__.__bases__[0].__subclasses__()]\n__import__('os').mkdir('ran')",
    "the builtins": "getattr(__builtins__, 'open', None) or __builtins__['open']('ran', 'w')",
    "a relative import": "from .evil import x",
    "a decorator": "@exec\ndef f(): pass",
    "a cookie": "# coding: utf-7\n+AG8-pen('ran', 'w')",
}


@pytest.mark.parametrize("what", UNSAFE)
@pytest.mark.parametrize("kind", [Host, ratio1.Manager])
def test_behaviour_13_nothing_of_an_unsafe_plugin_runs(node: Node, what: str, kind: type) -> None:
    # The original imported a module, and then looked at it.
    node.write(f"{node.user}/plugins/evil.py", "import os\nos.mkdir('ran')\nx = 1\n")
    node.plugin("a", UNSAFE[what])
    host: Any = secured() if kind is Host else ratio1.Manager(Log(SECURED="true"))
    for _ in range(2):
        assert node.ask(host, "a", safety_check=True) == NOTHING
        assert not ran(node)
    assert "Unsafe code" in host.log.text() and "CODE SAFETY VIOLATION" in host.log.text()


def test_a_refusal_is_told_with_lines_and_ends_with_an_edit(node: Node) -> None:
    node.plugin("a", "x = 1\nimport socket")
    host = secured()
    assert node.ask(host, "a", safety_check=True) == NOTHING
    (notification,) = host.notifications
    assert notification["notif"] == "EXCEPTION" and notification["modulename"] == f"{node.user}.plugins.a"
    assert "socket" in notification["info"] and "line(s): [2]" in notification["info"]
    node.plugin("a", "x = 1")
    assert node.ask(host, "a", safety_check=True)[1] == "APlugin"


def test_on_a_node_that_is_not_secured_it_is_told_and_accepted(node: Node) -> None:
    node.plugin("a", "import os")
    host = Host()
    assert node.ask(host, "a", safety_check=True)[1] == "APlugin"
    assert len(host.notifications) == 1 and "UNSECURED" in host.log.text()


def test_packages_above_a_plugin_are_judged_as_well(node: Node) -> None:
    # The search of the original imported them all.
    node.write(f"{node.user}/plugins/__init__.py", "import os\nos.mkdir('ran')\n")
    node.plugin("a")
    host = secured()
    assert node.ask(host, "a", safety_check=True) == NOTHING
    assert not ran(node) and f"Unsafe code in {node.user}.plugins:" in host.log.text()
    node.write(f"{node.user}/plugins/__init__.py", "X = 1\n")
    module = node.ask(host, "a", safety_check=True)[0]
    assert module.__name__ == f"{node.user}.plugins.a"


def test_what_is_loaded_is_what_was_judged(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file that is exchanged after the look at it, and compiled code beside it, are both not what runs.
    import py_compile

    file = node.plugin("a", "import os\nos.mkdir('ran')")
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    node.plugin("a", "X = 'judged'")
    judge = _judging.judge

    def exchange(path: str, *args: Any, **kwargs: Any) -> _judging.Verdict:
        verdict = judge(path, *args, **kwargs)
        if path == str(file):
            file.write_text("import os\nos.mkdir('ran')\nclass APlugin: pass\n")
        return verdict

    monkeypatch.setattr(_judging, "judge", exchange)
    module = node.ask(secured(), "a", safety_check=True)[0]
    assert module.X == "judged" and not ran(node)
    monkeypatch.undo()
    monkeypatch.chdir(node.root)
    assert node.ask(secured(), "a", safety_check=True) == NOTHING
    assert not ran(node)


def test_what_was_loaded_unjudged_is_loaded_again_for_who_wants_it_judged(node: Node) -> None:
    import py_compile

    file = node.plugin("a", "X = 'compiled'")
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    node.plugin("a", "X = 'source'")
    node.ask(secured(), "a")
    assert node.ask(secured(), "a", safety_check=True)[0].X == "source"


def test_a_usual_plugin_is_allowed_by_both_profiles(node: Node) -> None:
    node.write(f"{node.safe}/business/base.py", "class Base:\n    CONFIG = {'A': 1, 'VALIDATION_RULES': {}}\n")
    node.write(f"{node.safe}/business/__init__.py", "")
    body = f"""
        from {node.safe}.business.base import Base
        __VER__ = "0.1.0"
        _CONFIG = {{**Base.CONFIG, "B": 2, "VALIDATION_RULES": {{**Base.CONFIG["VALIDATION_RULES"]}}}}
        class MyPlugin(Base):
            CONFIG = _CONFIG
            def process(self):
                self.P("{{}} of {{}}".format(self.cfg_a, len(self.items)), color="g")
                return f"{{self.cfg_b:.2f}}"
        """
    node.plugin("my", body, name="Unused")
    for profile in _judging.PROFILES:
        host = secured()
        host._safety_profile = profile
        asked = {"safety_check": True, "safe_imports": f"{node.safe}.business"}
        config = node.ask(host, "my", **asked)[3]
        assert config == {"A": 1, "B": 2, "VALIDATION_RULES": {}, "MODULE_VERSION": "0.1.0"}
        assert not host.notifications


def test_profiles_and_listed_digests(node: Node) -> None:
    # What the original's own rules miss is refused by default, and a digest that somebody vouches for is allowed.
    node.plugin("a", "x = ().__class__.__bases__[0].__subclasses__()")
    asked = {"safety_check": True}
    host = secured()
    assert node.ask(host, "a", **asked) == NOTHING
    digest = host.log.text().partition("allow its digest ")[2][:64]
    ratio1.install(safety="ratio1")
    try:
        assert node.ask(secured(), "a", **asked)[1] == "APlugin"
        ratio1.install(allowed_digests=[digest])
        assert node.ask(secured(), "a", **asked)[1] == "APlugin"
        node.plugin("a", "y = ().__class__.__bases__[0].__subclasses__()")
        assert node.ask(secured(), "a", **asked) == NOTHING
        with pytest.raises(pc.ConfigError, match="expected one of"):
            ratio1.install(safety="none")
        with pytest.raises(pc.ConfigError, match="64 hexadecimal"):
            ratio1.install(allowed_digests=["abc"])
    finally:
        ratio1.uninstall()


def test_the_checker_is_told_of_by_a_host(node: Node) -> None:
    checker = secured().code_checker
    assert checker.check_code_text("x = 1") is None
    found = checker.check_code_text("import numpy\nimport os", safe_imports=["numpy"])
    assert found is not None and list(found.values()) == [[2]] and "os" in next(iter(found))
    module = type(node)  # a module by itself: that of this fixture, which imports the interpreter's
    import sys

    good, why = secured()._perform_module_safety_check(sys.modules[module.__module__])
    assert not good and "sys" in why


def test_verdicts_are_kept_by_digest_and_policy(node: Node) -> None:
    """Judges by different policies share what a scan found, and nothing else."""
    before = pc.stats().get("safety", {"loads": 0})["loads"]
    for _ in range(3):
        judged = pc.judge(b"import numpy\n", pc.SafetyPolicy(allowed_imports=("numpy",)))
        assert (judged.allowed, judged.reason) == (True, "nothing-found")
    assert not pc.judge(b"import numpy\n", pc.SafetyPolicy()).allowed
    assert pc.judge(b"x = 1\n", pc.SafetyPolicy(only_listed=True)).reason == "not-listed"
    assert pc.stats()["safety"]["loads"] - before == 3


def test_a_package_that_gets_code_after_the_judgement_does_not_run_unjudged(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A directory without `__init__.py` was judged as no code, and the import took what was there a moment later.
    node.plugin("a")
    state_of, tries = _load.state_of, 0

    def race(*args: Any, **kwargs: Any) -> _load.State:
        nonlocal tries
        tries += 1
        node.write(f"{node.user}/__init__.py", "import os\nos.mkdir('ran')\n")
        return state_of(*args, **kwargs)

    monkeypatch.setattr(_load, "state_of", race)
    host = secured()
    assert node.ask(host, "a", safety_check=True) == NOTHING
    # The second look judged it.
    assert tries == 1 and not ran(node) and f"Unsafe code in {node.user}:" in host.log.text()


def test_a_package_without_code_stays_one_that_others_can_extend(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.plugin("a")
    assert node.ask(secured(), "a", safety_check=True)[1] == "APlugin"
    more = node.root / "more"
    file = node.write(f"more/{node.user}/later.py", "X = 1\n")
    monkeypatch.syspath_prepend(str(more))
    assert importlib.import_module(f"{node.user}.later").__file__ == str(file)


def test_a_digest_that_is_withdrawn_counts_no_more(node: Node) -> None:
    # The manager's key had the profile, and not the digests: the plugin stayed for as long as the manager.
    source = node.plugin("a", "import os").read_bytes()
    manager: Any = ratio1.Manager(Log(SECURED=True))
    digest = pc.judge(source).digest
    assert digest is not None
    try:
        ratio1.install(allowed_digests=[digest])
        assert node.ask(manager, "a")[1] == "APlugin"
        ratio1.install()
        assert node.ask(manager, "a") == NOTHING
    finally:
        ratio1.uninstall()


@pytest.mark.parametrize("text", [b"def broken(:\n", b"\xff\xfe\x00", b"class A_Plugin:\n    x = '\xe9'\n"])
@pytest.mark.parametrize("place", ["default", "default/deep", "default/a"])
def test_a_broken_safe_plugin_does_not_hand_its_name_to_a_users(node: Node, text: bytes, place: str) -> None:
    # What cannot be parsed is in no index, and the search went on to the users'.
    node.plugin("a")
    name = "__init__.py" if place.endswith("/a") else "a.py"
    file = node.write(f"{node.safe}/{place}/{name}", "")
    file.write_bytes(text)
    for kind in (Host(), ratio1.Manager(Log())):
        host: Any = kind
        asked = {} if isinstance(host, ratio1.Manager) else {"search_in_packages": [node.safe]}
        if place != "default/deep" or asked:
            assert node.ask(host, "a", safe_locations=[f"{node.safe}.default"], **asked) == NOTHING
            assert f"Found safe plugin '{node.safe}.default" in host.log.text()
    file.unlink()
    assert node.ask(Host(), "a", safe_locations=[f"{node.safe}.default"])[1] == "APlugin"


def test_a_plugin_that_raises_what_is_no_exception_does_not_raise_through_the_host(node: Node) -> None:
    # Only `Exception` and `SystemExit` were caught.
    node.plugin("a", "class Odd(BaseException):\n    pass\nraise Odd('it is odd')")
    host = Host()
    assert node.ask(host, "a") == NOTHING
    assert "it is odd" in host.log.text()
    for kind in ("KeyboardInterrupt", "GeneratorExit"):
        node.plugin("a", f"raise {kind}")
        with pytest.raises((KeyboardInterrupt, GeneratorExit)):
            node.ask(host, "a")
    node.plugin("a")
    assert node.ask(host, "a")[1] == "APlugin"
