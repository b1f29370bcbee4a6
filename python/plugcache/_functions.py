"""`Functions`: a library's public functions as a mapping, known without importing the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._errors import AmbiguousPluginError, UnknownPluginError
from ._registry import Registry

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from ._plugcache import Record
    from ._registry import Strength


class _Records(Mapping[str, "Record"]):
    """What is known of each function; described when it is asked for."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def __getitem__(self, name: str) -> Record:
        return self._functions.record(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __repr__(self) -> str:
        return f"<records of {self._functions!r}>"


class Functions(Registry[Callable[..., Any]]):
    """The public functions of a library by name. Listing them imports nothing; using one imports the module that
    defines it, with the packages around it.

        functions = pc.Functions("skimage", package="skimage")
        list(functions)                          # "color.rgb2gray", "filters.gaussian", …
        functions.records["filters.gaussian"].signature.parameters["sigma"].default
        functions["gaussian"]                    # imports the one module that defines it

    Public is what modules expose whose names have no part that begins with `_` (and that are no tests): what `__all__`
    lists; without that, what a package binds to public names, from wherever in the library it has them; of any other
    module the functions that it defines. Star imports are followed, and so is what a package attaches with
    `lazy_loader`.

    Names are dotted, below the package. A function may be asked for by the end of its name, as long as no other ends
    so: `AmbiguousPluginError` names them. A function that is exposed in several places has the shortest name; its
    record's `exports` has all, in full, and `tags` the subpackages that expose it.

    A name that is exposed and may be a function, but only running can tell (it is compiled, made by a call, bound by
    computation), is none of the mapping's and stands in `unavailable`, with the reason. A signature or docstring
    that a decorator may change says so in its `doubts`.

    - `name`: what the mapping is called in messages.
    - `package`: the library, or a package of it, by dotted name.
    - `roots`, `strength`: as for `Registry`.
    """

    def __init__(
        self,
        name: str,
        *,
        package: str,
        roots: Iterable[str | os.PathLike[str]] | None = None,
        strength: Strength | None = None,
    ) -> None:
        super().__init__(name, package=package, roots=roots, rules=["function-exported"], strength=strength)
        self._package = package

    @property
    def records(self) -> Mapping[str, Record]:
        """What is known of each function, by name, without importing any; each is read when it is asked for."""
        return _Records(self)

    @property
    def unavailable(self) -> dict[str, str]:
        """Exposed names, in full, that may be functions, and why only running can tell; `package.*` where it is not
        known what else a package exposes."""
        found = {}
        for problem in self.problems:
            name, colon, reason = problem.message.partition(": ")
            if problem.is_dynamic and colon and f"{name}.".startswith(f"{self._package}."):
                found[name] = reason
        return found

    def record(self, name: str) -> Record:
        """What is known of one function."""
        try:
            return self.index.find(name)
        except UnknownPluginError as error:
            unknown = error
        known = self.index.names()
        below = name.removeprefix(f"{self._package}.")
        found = [below] if below in known else [one for one in known if one.endswith(f".{name}")]
        if not found:
            for exposed, reason in self.unavailable.items():
                if exposed == name or exposed.endswith(f".{name}"):
                    text = f"{self.name}: of {exposed} only running can tell whether it is a function: {reason}"
                    raise UnknownPluginError(text) from None
            raise unknown
        if len(found) > 1:
            raise AmbiguousPluginError(f"{self.name}: {name!r} may be {', '.join(found)}: say which")
        return self.index.find(found[0])

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if not isinstance(name, str):
            raise UnknownPluginError(f"{self.name}: {name!r} is no name")
        return self._load(self.record(name))

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        try:
            self.record(name)
        except UnknownPluginError:
            return False
        except AmbiguousPluginError:
            return True
        return True

    def __repr__(self) -> str:
        return f"<plugcache.Functions {self.name!r} of {self._package}>"
