"""The original's own tests, run against the stand-in: those of 0.4.1, and those of 0.1.4 in the other profile.

All of them pass; none is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = """
import os
import plugcache.compat.metaclass_registry as compat

compat.install(profile=os.environ["PROFILE"])

def pytest_terminal_summary(terminalreporter):
    import metaclass_registry.core
    terminalreporter.write_line("tested: " + metaclass_registry.core.__name__)
"""


def corpus(name: str) -> Path:
    corpora = os.environ.get("PLUGCACHE_CORPORA")
    assert corpora, 'real packages are not prepared: eval "$(cargo xtask test --env)"'
    return Path(corpora) / name


@pytest.mark.parametrize(
    ("profile", "source", "count"),
    [
        ("0.4", "metaclass_registry_source/metaclass_registry-0.4.1", 115),
        ("0.1", "metaclass_registry_0_1_source/metaclass_registry-0.1.4", 56),
    ],
)
def test_its_own_tests_pass(place: Path, profile: str, source: str, count: int) -> None:
    (place / "stand_in.py").write_text(PLUGIN)
    paths = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PROFILE": profile,
        "PLUGCACHE_DIR": str(place / "cache"),
        "XDG_CACHE_HOME": str(place / "xdg"),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "pytest", "-q", "-p", "stand_in"]
    # Their settings ask for a plugin that measures coverage.
    command += ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    command += ["--basetemp", str(place / "temp"), "tests"]
    done = subprocess.run(
        command, cwd=corpus(source), env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{count} passed in", done.stdout, re.MULTILINE), done.stdout
    assert "tested: plugcache.compat.metaclass_registry.core" in done.stdout
