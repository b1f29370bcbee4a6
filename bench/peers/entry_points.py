"""The standard library's answer. Argument: the directory with the distributions."""

import importlib.metadata
import sys

from clock import measured

sys.path = [*[entry for entry in sys.path if "site-packages" not in entry], sys.argv[1]]


def work():
    found = importlib.metadata.entry_points()
    # A mapping of groups before 3.12, one tuple since.
    return sum(map(len, dict.values(found))) if isinstance(found, dict) else len(found)


measured(work)
