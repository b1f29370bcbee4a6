# Imports one module and says what classes it defines. Three processes: this one starts and reaps; in namespaces of
# its own, where the system allows it, one that takes everything with it when it ends; below it the one that imports.
# A request comes by standard input; the answer goes out by what was standard output, marked with a word that is
# not known before, so that nothing that is printed is mistaken for it.
import json
import os
import resource
import signal
import sys

NEWUSER, NEWPID, NEWNET, PDEATHSIG = 0x10000000, 0x20000000, 0x40000000, 1
DEEPEST, LONGEST, MOST_UNFOUND = 6, 200, 10_000


def bind_to_parent(parent=None):
    """Ends with its parent, and at once if that has gone already. A parent out of sight, in another namespace, is 0."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)
    except Exception:
        pass
    if parent is not None and os.getppid() not in (parent, 0):
        os.write(2, b"the process that asked is gone, or is not this one's parent: name the interpreter itself")
        os._exit(1)


def isolate():
    """Leaves the network; None, or why not."""
    user, group = os.getuid(), os.getgid()
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(NEWUSER | NEWPID | NEWNET):
            return os.strerror(ctypes.get_errno())
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (user, user)), ("gid_map", "%d %d 1" % (group, group))):
        try:
            with open("/proc/self/" + name, "w") as file:
                file.write(text)
        except OSError:
            pass
    return None


def supervise(child):
    while True:
        try:
            found, status = os.waitpid(-1, 0)
        except InterruptedError:
            continue
        if found == child:
            return status


def limit(request):
    def set_limit(kind, soft, hard):
        # No higher than what was there already.
        most = resource.getrlimit(kind)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(kind, (soft, hard))

    set_limit(resource.RLIMIT_CORE, 0, 0)
    set_limit(resource.RLIMIT_CPU, request["cpu"], request["cpu"] + 1)
    # The rest is for saying that it was too much.
    set_limit(resource.RLIMIT_AS, request["memory"], request["memory"] + (64 << 20))


def text(value):
    return str.encode(value, "utf-8", "backslashreplace").decode()


def plain(value, depth=0):
    """A constant as JSON, in a list; nothing for anything else."""
    kind = type(value)
    if value is None or kind is bool:
        return [value]
    if kind is int:
        return [value] if -(2**63) <= value < 2**63 else []
    if kind is float:
        return [value] if value - value == 0 else []
    if kind is str:
        return [text(value)] if len(value) < 100_000 else []
    if depth == DEEPEST:
        return []
    if kind in (list, tuple) and len(value) <= LONGEST:
        parts = [plain(part, depth + 1) for part in value]
        return [[part for (part,) in parts]] if all(parts) else []
    if kind is dict and len(value) <= LONGEST and all(type(key) is str for key in value):
        parts = {text(key): plain(part, depth + 1) for key, part in value.items()}
        return [{key: part[0] for key, part in parts.items()}] if all(parts.values()) else []
    return []


def dictionary(cls):
    return type.__dict__["__dict__"].__get__(cls)


def named(cls):
    try:
        module = type.__dict__["__module__"].__get__(cls)
    except AttributeError:
        module = None
    module = module if type(module) is str else "?"
    return text(module), text(type.__dict__["__qualname__"].__get__(cls))


def described(name, cls):
    order = type.__dict__["__mro__"].__get__(cls)
    attributes = {}
    for base in reversed(order[:-1]):
        for key, value in dictionary(base).items():
            if type(key) is str and not (key.startswith("__") and key.endswith("__")):
                attributes.pop(text(key), None)
                for constant in plain(value):
                    attributes[text(key)] = constant
    doc = dictionary(cls).get("__doc__")
    module, qualname = named(cls)
    return {
        "name": text(name),
        "module": module,
        "qualname": qualname,
        "bases": ["%s:%s" % named(base) for base in order[1:]],
        "doc": text(doc) if type(doc) is str else None,
        "attributes": attributes,
    }


def files():
    found = set()
    for module in list(sys.modules.values()):
        path = getattr(module, "__dict__", {}).get("__file__")
        if type(path) is str and os.path.isabs(path):
            found.add(path)
    return sorted(text(path) for path in found)


def looked_in(missing):
    places = [path for path in sys.path if type(path) is str and os.path.isabs(path)]
    parts = missing.split(".") if type(missing) is str else []
    for end in range(1, len(parts)):
        path = getattr(sys.modules.get(".".join(parts[:end])), "__path__", ())
        places.extend(place for place in path if type(place) is str)
    return [text(place) for place in places]


class Unfound:
    """Last of the finders: it finds nothing, and keeps what nobody found. Modules may swallow that."""

    def __init__(self):
        self.names = {}

    def find_spec(self, name, path=None, target=None):
        if type(name) is str and name not in self.names and len(self.names) < MOST_UNFOUND:
            places = sys.path if path is None else path
            self.names[name] = [place for place in places if type(place) is str and os.path.isabs(place)]
        return None


def probe(request, unfound):
    import importlib

    sys.meta_path.append(unfound)
    module = importlib.import_module(request["module"])
    classes = []
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and named(value)[0] == request["module"]:
            classes.append(described(name, value))
    places = {text(place) for places in unfound.names.values() for place in places}
    return {"classes": classes, "looked_in": sorted(places)}


def work(request):
    unfound = Unfound()
    try:
        limit(request)
        return probe(request, unfound)
    except BaseException as error:
        # There is room beyond the limit to say so.
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        missing = error.name if isinstance(error, ImportError) else None
        try:
            message = str(error)
        except BaseException:
            message = "it cannot be told"
        return {
            "error": {
                "kind": text(type(error).__name__),
                "message": text(message)[:2000],
                "is_import": isinstance(error, ImportError),
                "is_memory": isinstance(error, MemoryError),
            },
            "looked_in": sorted({*looked_in(missing), *(text(place) for found in unfound.names.values() for place in found)}),
        }


def main():
    request = json.loads(sys.stdin.buffer.read())
    bind_to_parent(request["parent"])
    out = os.dup(1)
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    mark = request.pop("mark")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def say(what, value):
        data = ("\n%s %s %s\n" % (mark, what, json.dumps(value))).encode()
        while data:
            data = data[os.write(out, data) :]

    reason = "the host asked for none of it to be cut" if request["network"] else isolate()
    # What it may do now is another matter to the kernel, which may have dropped the bond.
    bind_to_parent(request["parent"])
    say("network", reason)
    if reason is None:
        first = os.fork()
        if first:
            os.close(out)
            supervise(first)
            os._exit(0)
        bind_to_parent()
    worker = os.fork()
    if worker:
        say("status", supervise(worker))
        os._exit(0)
    bind_to_parent()
    sys.path[:0] = request["roots"]
    sys.argv = [""]
    answer = work(request)
    try:
        sys.stdout.flush()
    except BaseException:
        pass
    try:
        answer["files"] = files()
        answer["executable"] = text(sys.executable)
        say("answer", answer)
    finally:
        os._exit(0)


main()
