"""naeural_core's own tree, resolved as its own code does; and the replacement put into its own classes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import plugcache as pc
import ratio1_originals as originals
from conftest import Run
from plugcache.compat import ratio1

#: The managers of the program.
KINDS = {"business", "comm", "config", "data", "file_system", "heavy_ops", "serving"}


def original(place: Path, command: str, mode: str, **variables: str) -> dict[str, Any]:
    environment = {**os.environ, "PLUGCACHE_DIR": str(place / "cache"), "PYTHONWARNINGS": "ignore", **variables}
    # Where it works it may leave files.
    work = place / mode
    work.mkdir(exist_ok=True)
    program = [sys.executable, originals.__file__, command, mode]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=work)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_every_plugin_of_the_tree_is_found_as_the_original_finds_it(place: Path) -> None:
    theirs = original(place, "resolve", "original", PYTHONHASHSEED="1")["answers"]
    ours = original(place, "resolve", "ours", PYTHONHASHSEED="2")["answers"]
    assert {name.partition(":")[0] for name in theirs} == KINDS
    found = [name for name, answer in theirs.items() if answer["class"] is not None]
    assert len(theirs) == 88 and len(found) >= 70
    different = {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}
    assert different == {}


def test_behaviour_13_a_real_manager_runs_nothing_of_what_it_refuses(place: Path) -> None:
    theirs, ours = (original(place, "user", mode) for mode in ("original", "ours"))
    assert ours["good"] == theirs["good"]
    assert ours["good"][0] == "GoodPlugin" and ours["good"][1]["MODULE_VERSION"] == "0.2.0"
    # The original refuses one after it has run, and the other not at all.
    assert theirs["evil"] == [None, None, True] and theirs["worse"][0] == "WorsePlugin" and theirs["worse"][2]
    assert ours["evil"] == ours["worse"] == [None, None, False]


def test_the_programs_own_classes_have_it_and_have_it_no_more(run: Run, place: Path) -> None:
    program = """
        import sys
        sys.path.insert(0, sys.argv[2])
        import ratio1_originals as originals
        import contextlib, io, warnings
        from plugcache.compat import ratio1

        if sys.argv[1] == "before":
            ratio1.install()
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            originals.prepare()
            import ratio1 as sdk
            from naeural_core.manager import Manager
            from naeural_core.utils.plugins_base.persistence_serialization_mixin import _PersistenceSerializationMixin
            from ratio1.io_formatter.io_formatter_manager import IOFormatterWrapper
        if sys.argv[1] == "after":
            ratio1.install()
        mixin = sdk._PluginsManagerMixin
        resolve = "_get_module_name_and_class"
        own = lambda function: function.__module__.startswith("plugcache.")
        both = [mixin, Manager, IOFormatterWrapper, _PersistenceSerializationMixin]
        print([mixin.__module__, mixin is sdk.plugins_manager_mixin._PluginsManagerMixin, issubclass(Manager, mixin)])
        told = lambda: [own(getattr(one, resolve)) for one in both[:3]] + [own(both[3].cacheapi_load_json)]
        print(told())
        print(Manager.__mro__.index(mixin) > 0, mixin.is_secured.fget.__module__.startswith("plugcache."))
        ratio1.uninstall()
        print(told(), mixin.is_secured.fget.__module__)
    """
    for when in ("before", "after"):
        lines = run(program, when, str(Path(originals.__file__).parent)).splitlines()
        assert lines == [
            "['ratio1.plugins_manager_mixin', True, True]",
            "[True, True, True, True]",
            "True True",
            "[False, False, False, False] ratio1.plugins_manager_mixin",
        ], when


def test_where_the_program_is_not_there_its_names_are(run: Run) -> None:
    program = """
        import sys
        from plugcache.compat import ratio1 as compat
        compat.install()
        compat.install()
        from naeural_core.manager import Manager
        from naeural_core.utils.plugins_base.persistence_serialization_mixin import _PersistenceSerializationMixin
        from ratio1 import _PluginsManagerMixin
        import ratio1.plugins_manager_mixin as module
        print(Manager is compat.Manager, _PersistenceSerializationMixin is compat._PersistenceSerializationMixin)
        print(_PluginsManagerMixin is module._PluginsManagerMixin is compat._PluginsManagerMixin)
        compat.uninstall()
        print([name for name in sys.modules if name.split(".")[0] in ("ratio1", "naeural_core")])
        try:
            import naeural_core
        except ModuleNotFoundError:
            print("gone")
    """
    assert run(program).splitlines() == ["True True", "True", "[]", "gone"]


def test_other_profiles_are_refused() -> None:
    with pytest.raises(pc.ConfigError, match="ratio1 3.5.60"):
        ratio1.install(profile="9.9")
    assert not any(type(finder).__module__ == "plugcache.compat._replace" for finder in sys.meta_path)
