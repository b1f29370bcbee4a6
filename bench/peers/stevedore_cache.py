"""stevedore's cache of entry points: a hit if the directory of its cache has one, else a miss that
fills it. Arguments: the directory with the distributions, the directory of the cache."""

import sys

from clock import measured

sys.path = [*[entry for entry in sys.path if "site-packages" not in entry], sys.argv[1]]

from stevedore import _cache  # noqa: E402

cache = _cache.Cache(sys.argv[2])
# It turns itself off for interpreters in some places; here it has to be on to be measured.
cache._disable_caching = False


def work():
    return len(cache.get_group_all("console_scripts"))


measured(work)
