"""Which of the two originals is stood in for: 0.1 and 0.4 contradict each other."""

from __future__ import annotations

import os
from typing import NamedTuple


class Profile(NamedTuple):
    """Where they differ."""

    #: The version that it says it is.
    version: str
    #: A second class under a key that is taken is an error, unless it is declared; before, the last one won.
    refuses_duplicates: bool
    #: What cannot be imported is an error at the end of `values()` and the like; before, it was logged and left out.
    reports_failures: bool
    #: A registry without a package to discover looks into the package of its root's module.
    infers_package: bool
    #: A class whose parent's key was derived derives its own.
    derives_own_keys: bool
    #: The cache file has its items as a list of keys with their types; before, as an object by text.
    has_typed_keys: bool


PROFILES = {
    "0.1": Profile("0.1.4", False, False, True, False, False),
    "0.4": Profile("0.4.1", True, True, False, True, True),
}

_current = PROFILES["0.4"]


def current() -> Profile:
    """The profile in force."""
    return _current


def choose(profile: Profile) -> None:
    """Makes a profile the one in force, for registries that are made from now on and what they do."""
    global _current
    _current = profile


def is_disabled() -> bool:
    """Whether `OPENHCS_DISABLE_REGISTRY_CACHE` says that nothing is to be kept or answered from what is kept."""
    return os.environ.get("OPENHCS_DISABLE_REGISTRY_CACHE", "").strip().lower() in ("1", "true", "yes", "on")
