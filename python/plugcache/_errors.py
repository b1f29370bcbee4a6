"""Every exception and warning of plugcache."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Error(Exception):
    """Base of all errors of plugcache."""


class ConfigError(Error, ValueError):
    """A setting, a rule or an argument that cannot be used."""


class CacheError(Error):
    """A cache that cannot be made, reached or cleared."""


class UnknownPluginError(Error, KeyError):
    """No plugin has this name. The text names the nearest."""

    #: Names that are nearly it, best first.
    close: tuple[str, ...] = ()

    def __str__(self) -> str:
        # A KeyError would show its text as a key.
        return Exception.__str__(self)


class AmbiguousPluginError(Error, LookupError):
    """Several plugins have this name, and the policy is to refuse."""


class PluginImportError(Error, ImportError):
    """A plugin's module could not be imported, or does not hold what was found in its source.

    The cause is chained. Nothing of it is remembered: the next lookup tries again.
    """


class RejectedPluginError(PluginImportError):
    """A plugin's source was judged, and may not be loaded. None of its code has run."""


class ValidationError(ConfigError):
    """A configuration that its rules refuse. The text tells of everything that is wrong."""

    #: Key, value, and what is wrong with it, for each violation. `A.B` is the key of `B` in the dictionary under `A`.
    violations: tuple[tuple[str, Any, str], ...] = ()


class InstanceError(Error):
    """A running plugin that cannot be had: all were shut down, or a handle was released."""


class InstanceStartError(InstanceError):
    """A plugin could not be started, now or a while ago. What it raised is chained where it was this call's."""


class InstanceConfigError(InstanceError):
    """A running plugin refused its new configuration. It has the old one again, unless it refused that, too: then the
    next who asks gets a new instance. What it raised is chained."""


class StoreError(Error):
    """Plugin-local data that cannot be saved or loaded."""


class StaleDataError(StoreError):
    """Plugin-local data that was saved under another signature."""


class ReentrantError(Error, RuntimeError):
    """A function asks for the very value that it is computing."""


class PlugcacheWarning(UserWarning):
    """Something works, but is not kept: the text says why, and what to do."""


def warn(text: str) -> None:
    """Warns at the place that called into the package."""
    warnings.warn(text, PlugcacheWarning, stacklevel=2)
