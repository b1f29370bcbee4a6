"""`judge`: user plugins judged from source before any of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import plugcache as pc

PLUGIN = b"import json\n\nclass Greeter:\n    def greet(self):\n        return json.dumps('hello')\n"
SLY = b"import random\nshell = random._os.system\nfound = ().__class__.__bases__[0].__subclasses__()\n"


def test_behaviour_13_what_is_harmless_is_allowed_and_handed_out_as_it_was_judged() -> None:
    judged = pc.judge(PLUGIN)
    assert judged.allowed
    assert judged.reason == "nothing-found"
    assert judged.violations == []
    assert judged.source() == PLUGIN


def test_behaviour_13_what_reaches_beyond_is_rejected_with_its_places() -> None:
    judged = pc.judge(SLY)
    assert not judged.allowed
    assert judged.reason == "violations"
    assert {(line, rule) for line, _, rule, _, _ in judged.violations} >= {(2, "attribute"), (3, "attribute")}
    with pytest.raises(pc.RejectedPluginError, match="allow its digest") as caught:
        judged.source()
    assert isinstance(caught.value, (pc.PluginImportError, ImportError))


def test_the_list_of_digests_is_the_gate() -> None:
    digest = pc.judge(SLY).digest
    assert digest is not None
    assert pc.judge(SLY, pc.SafetyPolicy(allowed_digests=(digest,))).reason == "listed-digest"
    gate = pc.SafetyPolicy(allowed_digests=(digest,), only_listed=True)
    assert pc.judge(SLY, gate).source() == SLY
    assert pc.judge(PLUGIN, gate).reason == "not-listed"
    with pytest.raises(pc.ConfigError, match="64 hexadecimal digits"):
        pc.judge(SLY, pc.SafetyPolicy(allowed_digests=("abc",)))


def test_a_file_that_cannot_be_read_is_rejected(tmp_path: Path) -> None:
    judged = pc.judge(tmp_path / "no_such_file.py")
    assert not judged.allowed
    assert judged.digest is None
    assert judged.violations[0][2] == "unreadable"
    file = tmp_path / "plugin.py"
    file.write_bytes(SLY)
    assert not pc.judge(file).allowed
    assert pc.judge(file, pc.SafetyPolicy(trusted_roots=(str(tmp_path),))).reason == "trusted-root"


def test_profiles_differ_as_they_say() -> None:
    """ratio1's own checker passes what hides behind an attribute walk; the strict one does not."""
    walk = b"found = ().__class__.__bases__[0].__subclasses__()\n"
    assert pc.judge(walk, pc.SafetyPolicy(profile="ratio1")).allowed
    assert not pc.judge(walk).allowed
    assert not pc.judge(b"import os\n", pc.SafetyPolicy(profile="ratio1")).allowed
    assert pc.judge(b"import os\n", pc.SafetyPolicy(profile="ratio1", allowed_imports=("os",))).allowed


def test_relative_imports_belong_to_a_package_that_is_judged_as_a_whole(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("from . import helper\n")
    (package / "helper.py").write_text("VALUE = 1\n")
    judge = pc.SafetyPolicy().judge()
    assert not judge.file(package / "__init__.py").allowed
    assert [judged.path.name for judged in judge.package(package)] == ["__init__.py", "helper.py"]
    assert all(judged.allowed for judged in judge.package(package))
    (package / "helper.py").write_text("import os\n")
    assert [judged.allowed for judged in judge.package(package)] == [True, False]
