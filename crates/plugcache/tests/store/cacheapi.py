"""The original's cacheapi_*, from its own files, on a data folder: cacheapi.py CORPORA DATA CATEGORY ID CALL [JSON].

What those files import and do not need for this (array types, YAML, the logger around them) stands in here.
"""

import contextlib
import importlib.util
import json
import os
import sys
import types

# Directories that others may write to are refused, whatever the umask of who tests.
os.umask(0o077)
corpora, data, category, plugin_id, call = sys.argv[1:6]
arguments = json.loads(sys.argv[6]) if len(sys.argv) > 6 else {}


def stub(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members, __path__=[])
    sys.modules[name] = module
    return module


def original(name, path):
    spec = importlib.util.spec_from_file_location(name, os.path.join(corpora, path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


stub("yaml")
stub("naeural_core").constants = stub("naeural_core.constants", CACHE_SERVING="cache_serving")
for package in ("ratio1", "ratio1.bc", "ratio1.logging", "ratio1.logging.logger_mixins"):
    stub(package)
stub(
    "ratio1.bc.base",
    _ComplexJsonEncoder=json.JSONEncoder,
    _SimpleJsonEncoder=json.JSONEncoder,
    replace_nan_inf=lambda value: value,
)
mixins = "ratio1/ratio1/logging/logger_mixins/"
pickles = original("ratio1.logging.logger_mixins.p", mixins + "pickle_serialization_mixin.py")
jsons = original("ratio1.logging.logger_mixins.j", mixins + "json_serialization_mixin.py")
persistence = original(
    "naeural_core.p", "naeural_core/naeural_core/utils/plugins_base/persistence_serialization_mixin.py"
)


class Log(pickles._PickleSerializationMixin, jsons._JSONSerializationMixin):
    _data_dir = data

    def P(self, *args, **kwargs):
        print(*args, file=sys.stderr)

    verbose_log = P

    def get_data_folder(self):
        return data

    def get_target_folder(self, target):
        return data if target == "data" else None

    @contextlib.contextmanager
    def managed_lock_resource(self, resource, condition=True):
        yield


class Plugin(persistence._PersistenceSerializationMixin):
    log = Log()
    cfg_serialization_signature = arguments.pop("signature", None)
    plugin_id = plugin_id
    _cache_folder = category

    def P(self, *args, **kwargs):
        print(*args, file=sys.stderr)


print(json.dumps(getattr(Plugin(), "cacheapi_" + call)(**arguments)))
