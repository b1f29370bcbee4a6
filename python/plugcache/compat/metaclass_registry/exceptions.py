"""Errors of registries."""

from __future__ import annotations

from ..._errors import Error, PluginImportError


class RegistryError(Error):
    """Base of all errors of registries."""


class DiscoveryError(RegistryError):
    """A place where members are looked for cannot be imported; the cause is chained."""


class CacheError(RegistryError):
    """A cache of a registry cannot be used."""


class DuplicateRegistryKeyError(RegistryError):
    """A key that stands for one class is claimed by another."""


class MemberImportError(PluginImportError, KeyError):
    """A member is listed, but its module cannot be imported; the cause is chained.

    It is a `KeyError` too: whoever looks a key up gets no class for it. The next lookup tries again.
    """

    def __str__(self) -> str:
        return str(self.msg)


class IncompleteRegistryError(DiscoveryError, KeyError):
    """No member has this key, but not all modules could be imported: one of those may have it."""

    def __str__(self) -> str:
        return Exception.__str__(self)
