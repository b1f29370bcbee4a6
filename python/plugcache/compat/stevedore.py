"""Entry points of running programs, answered from plugcache's index.

    from plugcache.compat import stevedore

    stevedore.install()

From then on `importlib.metadata.entry_points`, that of the package `importlib_metadata`, the `entry_points` of each
distribution (which pluggy and pytest go through) and stevedore's own cache are answered from the index: objects of the
same types, equal, in the same order, new at each call. The program is not changed, and neither is anything else of
those modules; modules that it imports later are taken care of when it does.

Python itself is asked wherever its answer may be another one: with a file (a zip, say) on `sys.path`, with a finder of
distributions that is not Python's own, with an entry point somewhere that Python raises for, with two distributions of
one name in one directory, when one of the functions that it goes through (`entry_points` itself, `distributions`,
`read_text` of a distribution) has been replaced, as tests do, or where plugcache cannot be imported. Files are looked
at even where a weaker strength is configured: a program that does not know of plugcache gets no old answer.

A program need not say any of this: `python -m plugcache run -- PROGRAM` does it for one start of a program, and
`python -m plugcache pth install` for every start of this environment's Python. `PLUGCACHE_ENTRY_POINTS=0` turns those
two off.
"""

from __future__ import annotations

import plugcache._startup as _startup

__all__ = ["install", "is_installed", "uninstall"]


def install() -> None:
    """Has plugcache answer, from now on. Installing twice is installing once.

    Call it early: a name that another module has imported before (`from importlib.metadata import entry_points`) is
    that module's own, and stays what it was.
    """
    _startup.start(always=True)


def uninstall() -> None:
    """Puts everything back. Objects that were given out stay what they are."""
    _startup.stop()


def is_installed() -> bool:
    """Whether plugcache answers."""
    return _startup.is_started()
