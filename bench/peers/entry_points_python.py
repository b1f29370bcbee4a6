"""Entry points as a program in Python gets them. Arguments: who answers (importlib, plugcache, or accelerated:
importlib.metadata with plugcache behind it), first or again (how often the process has asked before), the group
(empty: all of them), the directory with the distributions."""

import importlib.metadata
import sys

from clock import measured

who, when, group, site = sys.argv[1:]

if who == "plugcache":
    import plugcache

    ask = plugcache.entry_points
else:
    if who == "accelerated":
        import plugcache.compat.stevedore

        plugcache.compat.stevedore.install()
    ask = importlib.metadata.entry_points

sys.path = [*[entry for entry in sys.path if "site-packages" not in entry], site]
selection = {"group": group} if group else {}


def work():
    found = ask(**selection)
    # All of them are a mapping of groups before 3.12, one tuple since.
    return sum(map(len, dict.values(found))) if isinstance(found, dict) else len(found)


if when == "again":
    for _ in range(3):
        work()
measured(work)
