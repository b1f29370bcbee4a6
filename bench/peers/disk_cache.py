"""Python's diskcache: random reads of rows as bytes. Arguments: its directory, which is filled if it is
empty, the number of rows, the number of reads."""

import sys

from clock import measured
from diskcache import Cache

directory, rows, reads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cache = Cache(directory)
if len(cache) != rows:
    for number in range(rows):
        cache[number.to_bytes(16, "little")] = (number.to_bytes(8, "little") * 188)[:1500]

# The same order as the other stores'.
MASK = (1 << 64) - 1
keys = [((at * 0x9E3779B97F4A7C15 & MASK) >> 20) % rows for at in range(reads)]
keys = [number.to_bytes(16, "little") for number in keys]

# As for the other stores: every row once, so that its pages are there.
assert all(len(cache[number.to_bytes(16, "little")]) == 1500 for number in range(rows))


def work():
    return sum(len(cache[key]) for key in keys)


measured(work)
