"""`python -m plugcache`: programs with accelerated entry points. The program `plugcache` does everything else."""

from __future__ import annotations

import sys

USAGE = """\
Usage: python -m plugcache run [--] PROGRAM [ARGUMENTS]
       python -m plugcache pth install|remove|status

  run   starts a Python program as Python itself would, with entry points answered from plugcache's index:
        a script's path, a command that is on PATH and is a Python script, or -m MODULE
  pth   has every start of this environment's Python do so: writes a file into its site-packages, takes it away
        again, or says what is there

PLUGCACHE_ENTRY_POINTS=0 (or PLUGCACHE_NO_CACHE=1) in the environment turns both off for a start.
"""


def main(arguments: list[str]) -> int:
    """Does what the arguments say, and returns the exit code."""
    what = arguments[0] if arguments else None
    if what == "run":
        from ._run import run

        return run(arguments[1:])
    if what == "pth":
        from ._pth import pth

        return pth(arguments[1:])
    if what in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if what is not None:
        print(f"plugcache: {what!r} is neither run nor pth\n", file=sys.stderr)
    print(USAGE, end="", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
