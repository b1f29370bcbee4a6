"""`signature`: how a function is called, or an instance of a class made, read from source and kept.

Nothing is imported or run for it, and what is kept is proven against the files at every question. A second process
parses nothing.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ._errors import ConfigError, UnknownPluginError
from ._plugcache import Index, directories
from ._registry import plain_index, roots_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Parameter(NamedTuple):
    """A parameter of a function, or what a dataclass makes of a field."""

    name: str
    #: `positional_only`, `positional_or_keyword`, `var_positional`, `keyword_only` or `var_keyword`.
    kind: str
    #: The annotation as it is written.
    annotation: str | None
    is_required: bool
    #: The default, made anew each time, if it is a constant; else `None`.
    default: Any
    #: The default as it is written; `None` if there is none.
    default_source: str | None
    #: There is a default, and only running can tell what it is.
    is_dynamic: bool
    #: What the docstring says of it (in numpy's, Google's or Sphinx's style), or, for a field, the string or comment
    #: beside it.
    description: str | None


class Signature(NamedTuple):
    """How something is called, as its source tells."""

    #: `function`, `method` or `class`.
    kind: str
    module: str
    qualname: str
    #: By name, in order. For a class those of its constructor, without `self`.
    parameters: dict[str, Parameter]
    #: The annotation of the result as it is written.
    returns: str | None
    is_async: bool
    #: Whether parameters are known at all: they are not where a class inherits from one whose source is elsewhere.
    is_known: bool
    #: Why the running program may tell otherwise: decorators, metaclasses, bases elsewhere, names bound more than once.
    doubts: tuple[str, ...]
    #: The first paragraph of the docstring, on one line.
    summary: str | None
    #: The docstring, as `inspect.getdoc` cleans it.
    doc: str | None
    #: What the docstring says of the result.
    returns_description: str | None
    file: str
    #: One-based line of `def` or `class`.
    line: int

    @property
    def is_dynamic(self) -> bool:
        """Only running can tell whether this is all: see `doubts`."""
        return bool(self.doubts)


def _made(
    whose: tuple[str, str, str],
    how: tuple[dict[str, Parameter], str | None, bool, bool, tuple[str, ...]],
    text: tuple[str | None, str | None, str | None, str, int],
) -> Signature:
    """What the native half calls."""
    return Signature._make((*whose, *how, *text))


def signature(thing: Callable[..., Any] | type | str, /) -> Signature:
    """How a function, a method or a class is called, from its source.

    - `thing`: a function, a method or a class; or the text `"module:qualname"`, of which nothing is imported.

    A class is asked for its constructor: the `__init__` that is written, or the one that a dataclass is given, with the
    fields of its bases, wherever those are defined below the same directory. Of a bound method the first parameter is
    left out. What only running can tell is never guessed: a default that is no constant is told as source text
    (`is_dynamic`), a decorator that may change parameters as a doubt.

    The file on disk counts, not what the running program has made of it since.

    Raises `UnknownPluginError` if the source has nothing of that name, `ConfigError` for what has no source or no place
    in it: compiled functions, lambdas, what is defined inside functions.
    """
    is_bound = False
    if isinstance(thing, str):
        module, colon, qualname = thing.partition(":")
        if not colon or not module or not qualname:
            raise ConfigError(f'signature of {thing!r}: expected "module:qualname", as in "json:dumps"')
        roots = roots_of(module)
    else:
        is_bound = getattr(thing, "__self__", None) is not None
        module, qualname, root = _place(thing)
        roots = [root]
    found = _look(roots, module, qualname)
    if is_bound and found.parameters:
        parameters = list(found.parameters.values())[1:]
        found = found._replace(parameters={one.name: one for one in parameters})
    return found


def _look(roots: list[str], module: str, qualname: str) -> Signature:
    index = _index(tuple(roots), module)
    name = f"{module}:{qualname}"
    try:
        found = index.find(name).signature
        if found is not None:
            return found
    except UnknownPluginError:
        pass
    owner, _, method = name.rpartition(".")
    if ":" in owner:
        try:
            found = index.find(owner).method(method)
            if found is not None:
                return found
        except UnknownPluginError:
            pass
    else:
        # Defined elsewhere, and exposed here.
        from ._functions import Functions

        try:
            found = Functions(module, package=module, roots=roots).index.find(qualname).signature
            if found is not None:
                return found
        except UnknownPluginError:
            pass
    raise UnknownPluginError(
        f"signature of {name}: the source of {module} below {', '.join(roots)} defines no such class, function or "
        "method; name it by the module that defines it"
    )


#: Opened indexes by where caches are, roots and module. Forgotten all at once when there are many.
_indexes: dict[tuple[object, ...], Index] = {}
_MANY = 256


def _index(roots: tuple[str, ...], module: str) -> Index:
    key = (directories()[0], roots, module)
    index = _indexes.get(key)
    if index is None:
        index = plain_index(roots, [module], ["definition"], recursive=False)
        if len(_indexes) >= _MANY:
            _indexes.clear()
        _indexes[key] = index
    return index


def _place(thing: Any) -> tuple[str, str, str]:
    """Module, qualified name, and the directory that holds the module's topmost package."""
    thing = getattr(thing, "__func__", thing)
    module, qualname = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str):
        raise ConfigError(f"signature of {thing!r}: expected a function, a method, a class or its name as text")
    if "<" in qualname:
        raise ConfigError(f"signature of {module}:{qualname}: it is made while running, and has no place in the source")
    file = _file(thing, module)
    if file is None or not file.endswith(".py"):
        raise ConfigError(f"signature of {module}:{qualname}: it has no Python source ({file or 'compiled'})")
    place = os.path.abspath(file)[: -len(".py")]
    parts = module.split(".")
    if os.path.basename(place) == "__init__":
        place = os.path.dirname(place)
    if place.split(os.sep)[-len(parts) :] == parts:
        return module, qualname, os.sep.join(place.split(os.sep)[: -len(parts)]) or os.sep
    # A script, or a module that was loaded under a name of its own.
    return os.path.basename(place), qualname, os.path.dirname(place)


def _file(thing: Any, module: str) -> str | None:
    seen = set()
    while id(thing) not in seen:
        seen.add(id(thing))
        wrapped = getattr(thing, "__wrapped__", None)
        if wrapped is None or isinstance(thing, type):
            break
        thing = wrapped
    code = getattr(thing, "__code__", None)
    if code is not None:
        file: str = code.co_filename
        return file
    if isinstance(thing, type):
        return getattr(sys.modules.get(module), "__file__", None)
    return None
