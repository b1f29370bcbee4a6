"""A memoised call's hit, and a registry's lookup, beside what Python programs have for it: all of them in one process,
in turn, every other round in reverse order. Prints JSON: for each name, nanoseconds of wall and of CPU time that its
calls took together, a pair for each round. Arguments: a directory for caches, one with the package `yt_dlp`, the number
of rounds, the number of calls."""

import functools
import gc
import json
import sys
import time

import cachetools
import dogpile.cache
import plugcache

place, root, rounds, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
plugcache.configure(directory=place, data_directory=place)
ENTRIES = 256
PLUGIN = "NebulaIE"


def value(key):
    return "a value"


def memoised(kind, keys):
    """Functions of one argument that are asked for what they have."""
    region = dogpile.cache.make_region().configure("dogpile.cache.memory", expiration_time=300)

    def dogpile_get(key):
        return region.get_or_create(key, functools.partial(value, key))

    filled = cachetools.LRUCache(1024)
    filled.update((key, value(key)) for key in keys)
    yield "plugcache.cached(ttl=300)", plugcache.cached(ttl=300, name=f"disk {kind}")(value)
    yield "plugcache.cached(ttl=300, disk=False)", plugcache.cached(ttl=300, disk=False, name=f"memory {kind}")(value)
    yield "functools.lru_cache", functools.lru_cache(maxsize=1024)(value)
    yield "functools.lru_cache(typed=True)", functools.lru_cache(maxsize=1024, typed=True)(value)
    yield "cachetools.cached(LRUCache)", cachetools.cached(cachetools.LRUCache(1024))(value)
    yield "cachetools.LRUCache, its [key] alone", filled.__getitem__
    yield "cachetools.cached(TTLCache)", cachetools.cached(cachetools.TTLCache(1024, ttl=300))(value)
    yield "dogpile get_or_create", dogpile_get


def called(function, keys):
    def work():
        for key in keys:
            function(key)

    return work


def looked_up(table):
    def work():
        for _ in range(calls):
            table[PLUGIN]

    return work


def looped(keys):
    def work():
        for _ in keys:
            pass

    return work


def subjects():
    names = [f"plugin-{number}" for number in range(ENTRIES)]
    for kind, some in (("number", list(range(ENTRIES))), ("text", names), ("one text", [PLUGIN])):
        keys = (some * (calls // len(some) + 1))[:calls]
        yield f"{kind}: an empty loop", looped(keys)
        for name, function in memoised(kind, some):
            # The second time, all are there.
            called(function, some)()
            called(function, some)()
            yield f"{kind}: {name}", called(function, keys)
    for name, settings in (
        ("", {}),
        (", watch=True", {"watch": True}),
        (', strength="trust"', {"strength": "trust"}),
    ):
        registry = plugcache.Registry(
            "extractors", roots=[root], package="yt_dlp.extractor", base="InfoExtractor", **settings
        )
        plugin = registry[PLUGIN]
        assert plugin.__name__ == PLUGIN
        yield f"Registry{name}", looked_up(registry)
    yield "a dict", looked_up({PLUGIN: plugin})


everything = list(subjects())
taken = {name: [] for name, _ in everything}
for turn in range(rounds + 1):
    for name, work in everything if turn % 2 else reversed(everything):
        gc.collect()
        computed = time.process_time_ns()
        started = time.perf_counter_ns()
        work()
        wall = time.perf_counter_ns() - started
        cpu = time.process_time_ns() - computed
        # The first round warms up.
        if turn:
            taken[name].append((wall, cpu))
print(json.dumps(taken))
