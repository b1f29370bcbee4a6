"""A program of its own, run by tests: the real naeural_core and ratio1, as far as they import without what they need.

Packages of others that are not installed (torch, and a hundred megabytes more) are stood in for by modules that have
whatever they are asked for, and do nothing. All that is compared is the originals' own code, and how it finds plugins.

    ratio1_originals.py resolve original|ours    every plugin of naeural_core's tree, as JSON
    ratio1_originals.py user original|ours       plugins of users, on a secured node
    ratio1_originals.py save|load DIRECTORY      the original's cacheapi, in this directory
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
from contextlib import redirect_stdout
from importlib.machinery import ModuleSpec
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

CORPORA = Path(os.environ["PLUGCACHE_CORPORA"])
CORE, SDK = CORPORA / "naeural_core", Path(os.environ["PLUGCACHE_RATIO1"])
#: What nobody stands in for: their own packages, and what they mean to find in their own directories and do not.
NOWHERE = frozenset(
    "naeural_core ratio1 plugcache plugins extensions utils models val train y5utils wandb_utils".split()
)


class _Anything(type):
    """A class that has every attribute, is called with anything, and gives more of its kind."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _stand_in(name)

    def __getitem__(cls, key: Any) -> Any:
        return cls

    def __or__(cls, other: Any) -> Any:
        return cls

    __ror__ = __or__

    def __iter__(cls) -> Any:
        return iter(())

    def __len__(cls) -> int:
        return 0


def _stand_in(name: str) -> Any:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        # As a decorator it leaves what it decorates.
        return args[0] if len(args) == 1 and callable(args[0]) else _stand_in("result")

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if "plugcache_stand_in" in vars(cls) and len(args) == 1 and callable(args[0]) and not kwargs:
            return args[0]
        return object.__new__(cls)

    def more(self: Any, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _stand_in(name)

    def same(self: Any, *args: Any) -> Any:
        return self

    body: dict[str, Any] = {"plugcache_stand_in": True, "__call__": call, "__new__": new, "__getattr__": more}
    body["__init__"] = lambda self, *args, **kwargs: None
    for operator in ("add", "sub", "mul", "truediv", "radd", "rsub", "rmul", "rtruediv", "pow", "getitem", "enter"):
        body[f"__{operator}__"] = same
    body["__iter__"] = lambda self: iter(())
    body["__exit__"] = lambda self, *args: None
    return _Anything(name, (), body)


class _StandIns:
    """Finds modules that nobody else has."""

    names: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        top = name.partition(".")[0]
        if top in NOWHERE or top in sys.stdlib_module_names or not (top in self.names or _is_for_originals()):
            return None
        self.names.add(top)
        loader: Any = self
        return ModuleSpec(name, loader, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        vars(module)["__getattr__"] = lambda name: _of_module(module, name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        pass


def _is_for_originals() -> bool:
    """Whether an original asks: what others, which are installed, can do without stays away."""
    frame = sys._getframe(2)
    while "importlib" in frame.f_code.co_filename and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename.startswith((str(CORE), str(SDK)))


def _of_module(module: ModuleType, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    made = _stand_in(name)
    setattr(module, name, made)
    return made


def prepare() -> None:
    """Lets the originals be imported."""
    sys.path[:0] = [str(CORE), str(SDK)]
    finder: Any = _StandIns()
    sys.meta_path.append(finder)


def original(name: str) -> Any:
    """A module of the originals."""
    return importlib.import_module(name)


class Log:
    """Stands for the program's log, with its own functions."""

    def __init__(self) -> None:
        BaseLogger = original("ratio1.logging.base_logger").BaseLogger
        self.config_data: dict[str, Any] = {}
        self.said: list[str] = []
        self._base = BaseLogger
        self.get_all_subfolders = BaseLogger.get_all_subfolders

    def camel_to_snake(self, text: str) -> str:
        snake: str = self._base.camel_to_snake(self, text)
        return snake

    def P(self, text: Any, *args: Any, **kwargs: Any) -> None:
        self.said.append(str(text))


def make_manager(log: Log) -> Any:
    """A real manager, without the start of a node around it."""
    Manager: Any = original("naeural_core.manager").Manager

    class Quiet(Manager):  # type: ignore[misc]
        def __init__(self, log: Log) -> None:
            self.log = log
            self.plugin_locations_cache: dict[Any, Any] = {}
            self.code_checker = original("ratio1.code_cheker.base").BaseCodeChecker()

        config_data = property(lambda self: self.log.config_data)

        def P(self, text: Any, color: Any = None, **kwargs: Any) -> None:
            self.log.P(text)

        def _create_notification(self, **kwargs: Any) -> None:
            pass

    return Quiet(log)


def kinds() -> dict[str, dict[str, Any]]:
    """Where each of the program's managers looks, as it says."""
    search = original("naeural_core.constants").PLUGIN_SEARCH
    return {
        "config": dict(
            locations=search.LOC_CONFIG_RETRIEVE_PLUGINS,
            suffix=search.SUFFIX_CONFIG_RETRIEVE_PLUGINS,
            safe_locations=search.SAFE_LOC_CONFIG_PLUGINS,
        ),
        "comm": dict(
            locations=search.LOC_COMM_PLUGINS,
            suffix=search.SUFFIX_COMM_PLUGINS,
            safe_locations=search.SAFE_LOC_COMM_PLUGINS,
        ),
        "data": dict(
            locations=search.LOC_DATA_ACQUISITION_PLUGINS,
            suffix=search.SUFFIX_DATA_ACQUISITION_PLUGINS,
            safe_locations=search.SAFE_LOC_DATA_ACQUISITION_PLUGINS,
            safe_imports=search.SAFE_LOC_DATA_ACQUISITION_IMPORTS,
        ),
        "serving": dict(
            locations=search.LOC_SERVING_PLUGINS,
            suffix=search.SUFFIX_SERVING_PLUGINS,
            safe_locations=search.SAFE_LOC_SERVING_PLUGINS,
            safe_imports=search.SERVING_SAFE_IMPORTS,
        ),
        "business": dict(
            locations=search.LOC_BIZ_PLUGINS,
            suffix=search.SUFFIX_BIZ_PLUGINS,
            safe_locations=search.SAFE_BIZ_PLUGINS,
            safe_imports=search.SAFE_BIZ_IMPORTS,
        ),
        "heavy_ops": dict(
            locations=search.LOC_HEAVY_OPS_PLUGINS,
            suffix=search.SUFFIX_HEAVY_OPS_PLUGINS,
            safe_locations=search.SAFE_LOC_HEAVY_OPS_PLUGINS,
        ),
        "file_system": dict(
            locations=search.LOC_FILE_SYSTEM_PLUGINS,
            suffix=search.SUFFIX_FILE_SYSTEM_PLUGINS,
            safe_locations=search.LOC_SAFE_FILE_SYSTEM_PLUGINS,
        ),
    }


def plugins_of(kind: dict[str, Any]) -> list[str]:
    """Every module below the safe locations, as a name that a configuration would have."""
    safe = kind["safe_locations"]
    found = set()
    for location in [safe] if isinstance(safe, str) else safe:
        root = CORE / location.replace(".", "/")
        found |= {file.stem.upper() for file in root.rglob("*.py") if file.stem != "__init__"}
    return sorted(found)


def _told(value: Any) -> Any:
    """What of a configuration can be compared between processes."""
    if isinstance(value, dict):
        return {str(key): _told(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(one) for one in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else type(value).__name__


def begin(mode: str) -> tuple[Log, Any]:
    """A manager, with the original's methods or with ours in their place."""
    prepare()
    if mode == "ours":
        from plugcache.compat import ratio1

        ratio1.install()
    log = Log()
    return log, make_manager(log)


USERS = {
    "good": """
from naeural_core.business.base import BasePluginExecutor as BasePlugin
__VER__ = "0.2.0"
_CONFIG = {**BasePlugin.CONFIG, "MINE": 1, "VALIDATION_RULES": {**BasePlugin.CONFIG["VALIDATION_RULES"]}}
class GoodPlugin(BasePlugin):
    CONFIG = _CONFIG
    def process(self):
        self.P("{} frames".format(self.cfg_mine))
""",
    "evil": "import os\nos.mkdir('evil')\nclass EvilPlugin: pass\n",
    "worse": "__import__('os').mkdir('worse')\nclass WorsePlugin: pass\n",
}


def user(mode: str) -> dict[str, Any]:
    """What becomes of plugins of users, and which of them have left a directory behind."""
    place = Path("plugins/business")
    place.mkdir(parents=True, exist_ok=True)
    for name, text in USERS.items():
        (place / f"{name}.py").write_text(text)
    log, manager = begin(mode)
    sys.path.insert(0, os.getcwd())
    log.config_data["SECURED"] = True
    asked, told = kinds()["business"], {}
    for name in USERS:
        answer = manager._get_module_name_and_class(name=name.upper(), **asked)
        told[name] = [answer[1], _told(answer[3]), Path(name).exists()]
    return told


def resolve(mode: str) -> dict[str, Any]:
    """What is found for every plugin of the tree, and how long it took."""
    log, manager = begin(mode)
    answers, cold, warm = {}, 0.0, 0.0
    for kind, asked in kinds().items():
        for name in [*plugins_of(asked), "NO_SUCH_PLUGIN"]:
            log.said.clear()
            began = perf_counter()
            module, class_name, found, config = manager._get_module_name_and_class(name=name, **asked)
            cold += perf_counter() - began
            error = [line for line in log.said if "Error preparing" in line]
            answers[f"{kind}:{name}"] = {
                "module": getattr(module, "__name__", None),
                "class": class_name,
                "class module": getattr(found, "__module__", None),
                "config": _told(config),
                "error": error[0].strip().splitlines()[-1] if error else None,
            }
            began = perf_counter()
            manager._get_module_name_and_class(name=name, **asked)
            warm += perf_counter() - began
    return {"answers": answers, "cold": cold, "warm": warm, "stand-ins": sorted(_StandIns.names)}


# ---- cacheapi ----------------------------------------------------------------------------------------------------


def make_plugin(directory: str, signature: Any = None, category: str = "cache_plugins") -> Any:
    """A plugin with the original's own persistence over the original's own log."""
    mixins = "ratio1.logging.logger_mixins"
    Json: Any = original(f"{mixins}.json_serialization_mixin")._JSONSerializationMixin
    Pickle: Any = original(f"{mixins}.pickle_serialization_mixin")._PickleSerializationMixin
    where = "naeural_core.utils.plugins_base.persistence_serialization_mixin"
    Persistence: Any = original(where)._PersistenceSerializationMixin

    class Files(Json, Pickle):  # type: ignore[misc]
        _data_dir = directory

        def P(self, *args: Any, **kwargs: Any) -> None:
            pass

        verbose_log = P

        def get_data_folder(self) -> str:
            return directory

        def get_target_folder(self, target: str) -> str:
            return directory

        def managed_lock_resource(self, name: str, condition: bool = True) -> Any:
            from contextlib import nullcontext

            return nullcontext()

        def get_file_path(self, fn: str, folder: str, subfolder_path: str, force: bool = False) -> str:
            return os.path.join(directory, subfolder_path.lstrip("/"), fn)

    class Plugin(Persistence):  # type: ignore[misc]
        _cache_folder = category
        plugin_id = "Stream__Sig__01"
        log = Files()
        cfg_serialization_signature = signature

        def P(self, *args: Any, **kwargs: Any) -> None:
            pass

    return Plugin()


#: What both sides save, and read of each other.
PICKLED = {"a": [1, 2.5, None, {"b": (3, b"x")}], 7: {1, 2}}
SAVED = {"text": "ä", "list": [1, 2.5, None, True], "deep": {"x": {"y": []}}}


def main() -> Any:
    command, argument = sys.argv[1], sys.argv[2]
    if command in ("resolve", "user"):
        return {"resolve": resolve, "user": user}[command](argument)
    prepare()
    plugin = make_plugin(argument, sys.argv[3] if len(sys.argv) > 3 else None)
    if command == "save":
        plugin.cacheapi_save_pickle(PICKLED)
        plugin.cacheapi_save_json(SAVED)
        return True
    return [repr(plugin.cacheapi_load_pickle()), plugin.cacheapi_load_json()]


if __name__ == "__main__":
    # The originals print as they are imported.
    with redirect_stdout(io.StringIO()):
        told = main()
    print(json.dumps(told))
