"""OpenHCS's own registries through the stand-in: the keys that the original finds, with nothing imported for them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_metaclass_registry_original import corpus

#: Where OpenHCS and what belongs to it are unpacked.
PACKAGES = ["openhcs", "polystore", "zmqruntime", "pycodify", "python_introspect", "objectstate", "arraybridge"]
NEEDED = ["numpy", "pandas", "portalocker", "yaml", "zmq", "annotated_types", "psutil", "tifffile", "requests"]

#: Every root in OpenHCS and in its storage package, and whether its keys can be told from source.
ROOTS = {
    "openhcs.microscopes.microscope_base:MicroscopeHandler": True,
    "openhcs.microscopes.microscope_interfaces:FilenameParser": True,
    "openhcs.processing.backends.lib_registry.unified_registry:LibraryRegistryBase": True,
    "openhcs.processing.backends.experimental_analysis.format_registry:MicroscopeFormatRegistryBase": True,
    "polystore.base:DataSink": True,
    # Its root has a metaclass of its own, its members are made by a function, and all are there with the root.
    "openhcs.core.config:StreamingConfig": False,
}

PROGRAM = """
import importlib, json, logging, sys
logging.disable(logging.CRITICAL)
if sys.argv[1] == "ours":
    import plugcache.compat.metaclass_registry as compat
    compat.install(profile="0.1")
else:
    sys.path.insert(0, sys.argv[1])
told = {}
roots = [(name, getattr(importlib.import_module(name.partition(":")[0]), name.partition(":")[2]))
         for name in sys.argv[2:]]
before = set(sys.modules)
for name, root in roots:
    keys = sorted(root.__registry__)
    why = compat.why_imported(root.__registry__) if sys.argv[1] == "ours" else None
    told[name] = {"keys": keys, "why": why}
known = ("openhcs", "polystore", "zmqruntime")
new = sorted(name for name in set(sys.modules) - before if name.partition(".")[0] in known)
classes = {name: {key: root.__registry__[key].__qualname__ for key in told[name]["keys"]} for name, root in roots}
print(json.dumps({"told": told, "new": new, "classes": classes, "from": type(roots[0][1]).__module__}))
"""


def ask(place: Path, which: str) -> Any:
    script = place / "ask.py"
    script.write_text(PROGRAM)
    paths = [str(corpus(name)) for name in PACKAGES]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PLUGCACHE_DIR": str(place / "cache"),
        "XDG_CACHE_HOME": str(place / "xdg"),
        "XDG_DATA_HOME": str(place / "data"),
        "HOME": str(place),
    }
    command = [sys.executable, str(script), which, *ROOTS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="what OpenHCS imports is installed for the first Python only",
)
def test_its_registries_have_the_same_keys_with_nothing_imported(place: Path) -> None:
    original = ask(place, str(corpus("metaclass_registry_0_1_source") / "metaclass_registry-0.1.4" / "src"))
    assert original["from"] == "metaclass_registry.core"
    ours = ask(place, "ours")
    assert ours["from"] == "plugcache.compat.metaclass_registry.core"
    for name, is_static in ROOTS.items():
        assert ours["told"][name]["keys"] == original["told"][name]["keys"] != [], name
        assert (ours["told"][name]["why"] is None) is is_static, ours["told"][name]["why"]
    assert ours["new"] == []
    assert len(original["new"]) > 20
    assert ours["classes"] == original["classes"]
