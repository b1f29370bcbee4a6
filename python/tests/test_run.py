"""`python -m plugcache run` and `pth`: a program starts as Python itself would start it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import plugcache as pc
from plugcache import _pth

Done = subprocess.CompletedProcess[str]
Start = Callable[..., Done]

#: Shows all that a program can see of how it was started.
PROGRAM = """
import importlib.metadata, os, signal, sys
main = sys.modules["__main__"]
assert main.__dict__ is globals()
places = {name: value for name, value in globals().items() if name.startswith("__") and name != "__builtins__"}
places["__loader__"] = getattr(places["__loader__"], "__name__", type(places["__loader__"]).__name__)
print(sorted(places.items(), key=str))
print(sys.argv, sys.path[0], len(sys.path), __name__, signal.getsignal(signal.SIGINT), sys.excepthook)
what = sys.argv[1] if len(sys.argv) > 1 else ""
print(sys.stdin.read() if what == "read" else what, flush=True)
if what == "accelerated": print(importlib.metadata.entry_points.__code__.co_filename, file=sys.stderr)
if what == "raise": raise ValueError("of the program")
if what == "exit": sys.exit(7)
if what == "message": sys.exit("a message")
if what == "interrupt": raise KeyboardInterrupt
if what == "kill": os.kill(os.getpid(), signal.SIGTERM)
if what == "nested":
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise RuntimeError from error
if what == "hook":
    sys.excepthook = lambda *_: print("hooked", flush=True)
    raise ValueError
"""

RUN = ["-m", "plugcache", "run", "--"]


def paths() -> list[str]:
    """Where this package is, if it is not installed."""
    package = Path(pc.__file__).parent.parent
    return [] if package.name == "site-packages" else [str(package)]


@pytest.fixture
def start(place: Path) -> Start:
    def start(*command: str, executable: str = sys.executable, **variables: str) -> Done:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths()), **variables}
        return subprocess.run(
            [executable, *command], cwd=place, env=environment, input="typed", capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    return start


def alike(start: Start, *command: str, first: tuple[str, ...] = ()) -> Done:
    """Runs a program by Python, and by plugcache; all that can be seen is the same."""
    theirs = start(*first, *command)
    ours = start(*first, *RUN, *command)
    assert without_addresses(ours.stdout) == without_addresses(theirs.stdout)
    assert ours.stderr == theirs.stderr
    assert ours.returncode == theirs.returncode
    return theirs


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "", text)


@pytest.fixture
def program(place: Path) -> Path:
    file = place / "program.py"
    file.write_text(PROGRAM)
    return file


@pytest.mark.usefixtures("program")
def test_a_script_starts_as_by_python(start: Start, place: Path) -> None:
    assert "program.py" in alike(start, "program.py", "a", "--", "-m", "b").stdout
    alike(start, str(place / "program.py"))
    (place / "below").mkdir()
    (place / "below" / "link.py").symlink_to(place / "program.py")
    alike(start, "below/link.py", "read")
    for flags in (("-P",) if sys.version_info >= (3, 11) else (), ("-O", "-W", "error")):
        alike(start, "program.py", first=flags)


def test_a_path_is_not_shortened(start: Start, place: Path) -> None:
    # What `link/..` is depends on where the link leads: another program was run.
    (place / "far" / "below").mkdir(parents=True)
    (place / "link").symlink_to(place / "far" / "below")
    (place / "program.py").write_text("print('the wrong one')\n")
    (place / "far" / "program.py").write_text(PROGRAM)
    assert "link/../program.py" in alike(start, "link/../program.py").stdout
    alike(start, "./far/program.py")
    (place / "far" / "__main__.py").write_text(PROGRAM)
    alike(start, "link/..")
    alike(start, "./far/")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="-P is new in Python 3.11")
@pytest.mark.usefixtures("program")
def test_a_search_path_without_a_first_entry_loses_none(start: Start, place: Path) -> None:
    # An entry of the user's was taken for the one that Python adds.
    (place / "package").mkdir()
    (place / "package" / "__main__.py").write_text(PROGRAM)
    alike(start, "package", first=("-P",))
    alike(start, "-c", "import sys; print(sys.path)", first=("-P",))
    file = command(place, "tool", f"#!{sys.executable} -sP")
    theirs = start("a", executable=str(file))
    ours = start(*RUN, str(file), "a")
    assert (ours.returncode, ours.stdout) == (0, theirs.stdout)


def test_an_isolated_start_adds_no_directory(start: Start, place: Path) -> None:
    # In Python 3.10 there was no flag of its own for that.
    (place / "program.py").write_text("import sys; print(sys.path)\n")
    own = paths()
    setup = f"import sys; sys.path[:0] = {own!r}; from plugcache._run import run; del sys.path[:{len(own)}]; "
    for command in (["program.py"], ["-c", "import sys; print(sys.path)"]):
        theirs = start("-I", *command).stdout
        assert start("-I", "-c", f"{setup}run({command!r})").stdout == theirs


@pytest.mark.usefixtures("program")
def test_modules_directories_archives_and_text_start_as_by_python(start: Start, place: Path) -> None:
    alike(start, "-m", "program", "a")
    package = place / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(PROGRAM)
    alike(start, "-m", "package", "raise")
    assert alike(start, "-m", "package.nothing").returncode == 1
    alike(start, "package", "a")
    with zipfile.ZipFile(place / "packed.pyz", "w") as packed:
        packed.writestr("__main__.py", PROGRAM)
    alike(start, "packed.pyz", "a")
    assert alike(start, "-c", "import sys; print(sys.argv, sys.path[0], __name__)", "a").returncode == 0


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("what", ["raise", "exit", "message", "interrupt", "kill", "nested", "hook"])
def test_a_program_ends_as_by_python(start: Start, what: str) -> None:
    code = alike(start, "program.py", what).returncode
    assert code == {"exit": 7, "interrupt": -signal.SIGINT, "kill": -signal.SIGTERM}.get(what, 1)


def test_a_program_that_is_no_python_fails_as_by_python(start: Start, place: Path) -> None:
    (place / "broken.py").write_text("def (:\n")
    alike(start, "broken.py")
    nothing = start(*RUN, "nothing.py")
    assert (nothing.returncode, "nothing.py" in nothing.stderr) == (2, True)
    assert start(*RUN).returncode == 2
    assert start("-m", "plugcache").returncode == 2
    assert "pth" in start("-m", "plugcache", "--help").stdout


def test_entry_points_are_accelerated_unless_turned_off(start: Start, program: Path) -> None:
    asked = [str(program), "accelerated"]
    assert start(*RUN, *asked).stderr.strip().endswith("_startup.py")
    off = start(*RUN, *asked, PLUGCACHE_ENTRY_POINTS="0").stderr.strip()
    assert off == importlib.metadata.entry_points.__code__.co_filename
    # plugcache itself is loaded when entry points are asked, not before.
    text = "import sys, importlib.metadata; print('plugcache._plugcache' in sys.modules)"
    assert start(*RUN, "-c", text).stdout == "False\n"
    text += "; importlib.metadata.entry_points(group='x'); print('plugcache._plugcache' in sys.modules)"
    assert start(*RUN, "-c", text).stdout == "False\nTrue\n"


# ---- commands -------------------------------------------------------------------------------------------------------


def command(place: Path, name: str, first: str) -> Path:
    file = place / "bin" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{first}\n{PROGRAM}")
    file.chmod(0o755)
    return file


def test_a_command_on_the_path_is_run_as_a_shell_would(start: Start, place: Path) -> None:
    # In 3.10 `__file__` etc. are as for any script: the kernel hands its full path to Python.
    searched = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    firsts = [f"#!{sys.executable}", f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''"]
    for number, first in enumerate(firsts):
        file = command(place, f"tool{number}", first)
        theirs = start("a", executable=str(file))
        assert theirs.returncode == 0, theirs.stderr
        ours = start(*RUN, file.name, "a", PATH=searched)
        assert (ours.stdout, ours.stderr) == (theirs.stdout, "")
        assert start(*RUN, str(file), "accelerated").stderr.strip().endswith("_startup.py")


def test_a_command_of_another_python_runs_there(start: Start, place: Path) -> None:
    venv.create(place / "other", symlinks=True)
    other = place / "other" / "bin" / "python"
    file = command(place, "tool", f"#!{other}")
    done = start(*RUN, str(file), "accelerated")
    assert str(other) in done.stderr.splitlines()[0]
    if paths():
        assert done.stderr.strip().endswith("_startup.py")
        assert f"['{file}', 'accelerated']" in done.stdout
    else:
        assert (done.returncode, "cannot import plugcache" in done.stderr) == (1, True)
    # With an option of its own, by which it does not look where this one was told to.
    gone = start(*RUN, str(command(place, "isolated", f"#!{other} -E")))
    assert (gone.returncode, "cannot import plugcache" in gone.stderr) == (1, True)
    assert "install it there" in gone.stderr
    other.unlink()
    assert start(*RUN, str(file)).returncode == 2


@pytest.mark.parametrize("how", ["option", "shim"])
def test_a_command_of_something_that_looks_like_another_python_ends(start: Start, place: Path, how: str) -> None:
    # What the first line had started was not taken for what it names, and started it again, for ever.
    shims = place / "shims"
    shims.mkdir()
    (shims / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (shims / "python3").chmod(0o755)
    searched = f"{shims}{os.pathsep}{os.environ['PATH']}"
    first = f"#!{sys.executable} -s" if how == "option" else "#!/usr/bin/env python3"
    file = command(place, "tool", first)
    theirs = start("a", executable=str(file), PATH=searched)
    ours = start(*RUN, str(file), "a", PATH=searched)
    assert (ours.returncode, ours.stdout) == (0, theirs.stdout)
    assert len(ours.stderr.splitlines()) == 1
    assert start(*RUN, str(file), "accelerated", PATH=searched).stderr.strip().endswith("_startup.py")


def test_a_command_that_is_no_python_script_is_refused(start: Start, place: Path) -> None:
    done = start(*RUN, str(command(place, "tool", "#!/bin/sh")))
    assert (done.returncode, "no Python script" in done.stderr) == (2, True)
    assert start(*RUN, "sh").returncode == 2


# ---- every start ----------------------------------------------------------------------------------------------------

SHOW = """
import sys
assert "plugcache._plugcache" not in sys.modules
assert "importlib.metadata" not in sys.modules
print("plugcache._startup" in sys.modules)
import importlib.metadata
assert "plugcache._plugcache" not in sys.modules
found = importlib.metadata.entry_points(group="console_scripts")
print(type(found).__name__, "plugcache._plugcache" in sys.modules)
print(type(importlib.metadata.__loader__).__name__, type(importlib.metadata.__spec__.loader).__name__)
"""


def test_a_pth_file_does_so_for_every_start(start: Start, place: Path) -> None:
    venv.create(place / "env", symlinks=True)
    python = str(place / "env" / "bin" / "python")
    package = str(Path(pc.__file__).parent.parent)

    def run(*arguments: str, **variables: str) -> Done:
        return start(*arguments, executable=python, **{"PYTHONPATH": package, **variables})

    def pth(what: str, **variables: str) -> tuple[int, str]:
        done = run("-m", "plugcache", "pth", what, **variables)
        assert done.stderr == ""
        return done.returncode, done.stdout

    plain = run("-c", SHOW)
    assert plain.stdout.splitlines()[:2] == ["False", "EntryPoints False"]
    assert pth("status")[0] == 1
    assert pth("install")[0] == 0
    assert "at work" in pth("status")[1]
    hooked = run("-X", "dev", "-W", "error", "-c", SHOW)
    assert (hooked.returncode, hooked.stderr) == (0, "")
    assert hooked.stdout.splitlines() == ["True", "EntryPoints True", plain.stdout.splitlines()[2]]
    # It can be turned off, also together with `run`.
    assert run("-c", SHOW, PLUGCACHE_ENTRY_POINTS="0").stdout.splitlines()[1] == "EntryPoints False"
    assert "turned off" in pth("status", PLUGCACHE_ENTRY_POINTS="0")[1]
    (place / "program.py").write_text(PROGRAM)
    assert run(*RUN, "program.py", "accelerated").stderr.strip().endswith("_startup.py")

    # Where plugcache is gone, or broken, Python answers and nobody notices; `status` tells.
    gone = run("-c", SHOW, PYTHONPATH="")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert gone.stdout.splitlines()[:2] == ["True", "EntryPoints False"]
    (file,) = (place / "env").glob(f"lib/python*/site-packages/{_pth.NAME}")
    broken = place / "broken" / "plugcache"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('broken')\n")
    done = run("-c", SHOW, PYTHONPATH=str(broken.parent))
    assert (done.returncode, done.stderr) == (0, "")
    there = file.read_text()
    file.write_text(re.sub(re.escape(package), "/nowhere", there))
    moved = run("-c", SHOW)
    assert (moved.stdout.splitlines()[0], moved.stderr) == ("False", "")
    code, said = pth("status")
    assert (code, "pth install" in said) == (1, True)
    # Written by one that spelled paths as they are.
    file.write_bytes("import sys # \xe9\n".encode())
    assert pth("status")[0] == 1

    assert pth("install")[0] == 0
    assert file.read_text() == there
    assert pth("remove")[0] == 0
    assert not file.exists()
    assert pth("remove")[0] == 0
    assert run("-c", SHOW).stdout == plain.stdout


def test_a_pth_file_never_stands_in_the_way_of_a_start(start: Start, place: Path) -> None:
    # Python reads it by the locale's encoding, and did not start at all; damage was told of at each start.
    venv.create(place / "v\xe9", symlinks=True)
    python = str(place / "v\xe9" / "bin" / "python")
    package = place / "p\xe9" / "plugcache"
    shutil.copytree(Path(pc.__file__).parent, package)
    variables = {"PYTHONPATH": str(package.parent)}
    assert start("-m", "plugcache", "pth", "install", executable=python, **variables).returncode == 0
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    for more in ({}, locale):
        done = start("-c", SHOW, executable=python, **variables, **more)
        assert (done.returncode, done.stderr) == (0, "")
        # Since 3.12, Python cannot load a native module from such a place in such a locale, and answers itself.
        works = not more or sys.version_info < (3, 12)
        assert done.stdout.splitlines()[:2] == ["True", f"EntryPoints {works}"]
    for damage in ("def (:\n", "raise RuntimeError\n", "start = None\n"):
        (package / "_startup.py").write_text(damage)
        done = start("-c", SHOW, executable=python, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[:2] == ["False", "EntryPoints False"]
        status = start("-m", "plugcache", "pth", "status", executable=python, **variables)
        assert (status.returncode, status.stderr, "does not work" in status.stdout) == (1, "", True)


def test_what_runs_at_every_start_imports_nothing(start: Start) -> None:
    # It said so, and imported `__future__`.
    file = str(Path(_pth.__file__).parent / "_startup.py")
    code = f"import sys; old = set(sys.modules); exec(open({file!r}).read()); start(); print(set(sys.modules) - old)"
    assert start("-I", "-c", code).stdout == "set()\n"
