"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import plugcache as pc
from conftest import _INSTALLED

Check = Callable[..., str]

TESTS = """
import os, subprocess, sys
from pathlib import Path

ASK = "import plugcache as pc; print(pc.directories())"

def where():
    import plugcache as pc
    caches, data = pc.directories()
    said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout
    assert eval(said) == (caches, data)
    return caches, data
"""


@pytest.fixture
def check(place: Path) -> Check:
    """Runs tests, and returns what pytest says."""

    def check(code: str, *arguments: str, **variables: str) -> str:
        (place / "test_it.py").write_text(TESTS + code)
        (place / "pytest.ini").touch()
        plugin = [] if _INSTALLED else ["-p", "plugcache.pytest_plugin"]
        paths = [] if _INSTALLED else [str(Path(pc.__file__).parent.parent)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PLUGCACHE_DIR": str(place / "users"),
            "PLUGCACHE_DATA_DIR": str(place / "users-data"),
            **variables,
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments, "test_it.py"]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return check


def test_each_test_has_a_cache_of_its_own(check: Check, place: Path) -> None:
    said = check(
        """
        seen = set()
        def test_one(plugcache_directory, plugcache_data_directory):
            assert where() == (str(plugcache_directory), str(plugcache_data_directory))
            seen.add(plugcache_directory)
        def test_two(plugcache_directory, tmp_path):
            assert where()[0] == str(plugcache_directory)
            assert plugcache_directory not in seen
            assert list(tmp_path.iterdir()) == []
        def test_without():
            assert where() == (os.environ["PLUGCACHE_DIR"], os.environ["PLUGCACHE_DATA_DIR"])
            assert where()[0].endswith("users")
        """.replace("\n        ", "\n")
    )
    assert "3 passed" in said, said


def test_what_a_test_keeps_is_gone_in_the_next(check: Check) -> None:
    said = check(
        """
        import plugcache as pc
        calls = []
        @pc.cached(inputs=[])
        def made():
            calls.append(1)
            return len(calls)
        def test_one(): assert (made(), made()) == (1, 1)
        def test_two(): assert (made(), made()) == (2, 2)
        """.replace("\n        ", "\n"),
        "--plugcache-isolated",
    )
    assert "2 passed" in said, said


def test_every_test_is_isolated_if_that_is_asked_for(check: Check, place: Path) -> None:
    code = "\ndef test_it(): assert not where()[0].endswith('users')\n"
    assert "1 failed" in check(code)
    assert "1 passed" in check(code, "--plugcache-isolated")
    assert "1 passed" in check(code, "-o", "plugcache_isolated=true")


def test_what_a_program_has_chosen_is_chosen_again(check: Check) -> None:
    said = check(
        """
        import plugcache as pc
        def test_choose(tmp_path_factory):
            global chosen
            chosen = str(tmp_path_factory.mktemp("chosen"))
            pc.configure(directory=chosen)
        def test_one(plugcache_directory):
            assert where()[0] == str(plugcache_directory) != chosen
        def test_two():
            assert pc.directories()[0] == chosen
        """.replace("\n        ", "\n")
    )
    assert "3 passed" in said, said


def test_who_has_it_installed_and_does_not_use_it_pays_nothing(check: Check) -> None:
    # Not even the native half is loaded, and no fixture is in use.
    said = check("\ndef test_it(request): assert '_plugcache' not in str(sorted(sys.modules)), request.fixturenames\n")
    assert "1 passed" in said, said
    said = check("\ndef test_it(request): assert request.fixturenames == ['request']\n")
    assert "1 passed" in said, said
    said = check("\ndef test_it(plugcache_directory): assert '_plugcache' not in str(sorted(sys.modules))\n")
    assert "1 passed" in said, said
