"""Caches of Python in memory: hits on numbers, in the order that they are given. Arguments: which one, the
number of entries, the number of lookups."""

import functools
import sys

from clock import measured

which, entries, lookups = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
MASK = (1 << 64) - 1
keys = sorted(range(entries), key=lambda number: (number + 1) * 0x9E3779B97F4A7C15 & MASK)
keys = (keys * (lookups // entries + 1))[:lookups]

if which == "functools":

    @functools.lru_cache(maxsize=entries * 2)
    def look(key):
        return 7

else:
    import cachetools

    made = {"LRUCache": cachetools.LRUCache, "TTLCache": functools.partial(cachetools.TTLCache, ttl=3600)}
    look = made[which](maxsize=entries * 2)
    for number in range(entries):
        look[number] = 7
    look = look.__getitem__

for number in range(entries):
    look(number)


def work():
    return sum(look(key) for key in keys) // 7


measured(work)
