"""The standard library's answer itself, to compare with. Argument: the directory with the distributions."""

import importlib.metadata
import json
import sys

sys.path = [*[entry for entry in sys.path if "site-packages" not in entry], sys.argv[1]]

found = importlib.metadata.entry_points()
groups = found.values() if isinstance(found, dict) else [found]
json.dump(
    [[e.group, e.name, e.value, e.dist.metadata["Name"], e.dist.version] for group in groups for e in group],
    sys.stdout,
)
