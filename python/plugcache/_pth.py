"""`python -m plugcache pth`: a file that has every start of this Python answer from plugcache's index."""

from __future__ import annotations

import os
import sys
from typing import Any

NAME = "plugcache-entry-points.pth"
_MODULE = "plugcache._startup"


#: What runs at every start: loads the one small module that waits for questions, if it still is where it was, without
#: importing the package that it is in. Damaged, it is as if it were not there: `status` tells.
_START = """\
try:
    file = os.fsdecode({where!r})
    if os.path.isfile(file) and {module!r} not in sys.modules:
        loader = sys.modules["_frozen_importlib_external"].SourceFileLoader({module!r}, file)
        module = sys.modules[{module!r}] = type(sys)({module!r})
        exec(loader.get_code({module!r}), module.__dict__)
        module.start()
except Exception:
    sys.modules.pop({module!r}, None)
"""


def line() -> str:
    """What the file says: one line, as `.pth` files need it, and ASCII, as Python reads it by any encoding and does not
    start where it cannot."""
    where = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_startup.py")
    text = _START.format(where=os.fsencode(where), module=_MODULE)
    return f"import os, sys; exec({text!a}, {{'os': os, 'sys': sys}})\n"


def pth(arguments: list[str]) -> int:
    """`install`, `remove` or `status`. Returns the exit code: 1 from `status` if it is not at work."""
    actions = {"install": _install, "remove": _remove, "status": _status}
    if len(arguments) != 1 or arguments[0] not in actions:
        print("plugcache pth: expected install, remove or status", file=sys.stderr)
        return 2
    try:
        return actions[arguments[0]](os.path.join(_site_packages(), NAME))
    except OSError as error:
        print(
            f"plugcache pth: {error.filename}: {error.strerror}; use an environment of your own (python -m venv), "
            "or start programs with `python -m plugcache run`",
            file=sys.stderr,
        )
        return 2


def _site_packages() -> str:
    import sysconfig

    return sysconfig.get_path("purelib")


def _install(file: str) -> int:
    # Who starts at this moment sees the whole line or none.
    temporary = f"{file}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as written:
        written.write(line())
    os.replace(temporary, file)
    print(f"{file}: installed; every start of {sys.executable} answers entry points from plugcache's index")
    return 0


def _remove(file: str) -> int:
    try:
        os.unlink(file)
    except FileNotFoundError:
        print(f"{file}: is not there")
        return 0
    print(f"{file}: removed")
    return 0


def _status(file: str) -> int:
    try:
        with open(file, encoding="ascii", errors="replace") as read:
            there = read.read()
    except FileNotFoundError:
        print(f"{file}: not installed (python -m plugcache pth install)")
        return 1
    if there != line():
        print(f"{file}: written by another version or for another place: python -m plugcache pth install")
        return 1
    try:
        from . import _startup

        is_off = _startup.is_off()
    except Exception as error:
        print(f"{file}: installed, but does not work: {type(error).__name__}: {error}; install plugcache anew")
        return 1
    if is_off:
        print(f"{file}: installed, and turned off by {_startup.VARIABLE} or PLUGCACHE_NO_CACHE in the environment")
        return 1
    problem = _try()
    if problem:
        print(f"{file}: installed, but does not work, and Python answers instead: {problem}")
        return 1
    print(f"{file}: installed and at work")
    return 0


#: In a process of its own: whether it was started, and whether it gives an answer.
_TRIAL = """
import sys
startup = sys.modules.get("plugcache._startup")
if startup is None or not startup.is_started():
    print("it was not started: is the site module turned off?")
else:
    try:
        answer = startup._engine().current_for_others()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        if answer is None:
            print("the search path has a file on it, or a finder of distributions that is not Python's own")
        elif answer.native.has_problems:
            print("some distribution is broken, or there twice: `plugcache plugins ls` tells which")
"""


def _try() -> str:
    import subprocess

    command: list[Any] = [sys.executable, "-c", _TRIAL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()
