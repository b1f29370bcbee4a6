"""`cached_enum`: an enumeration whose members a function lists, so slowly that its result is kept."""

from __future__ import annotations

import enum
import sys
from typing import TYPE_CHECKING, Any, cast

from ._cached import cached
from ._errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def cached_enum(
    name: str,
    function: Callable[[], Mapping[str, Any] | Iterable[str]],
    *,
    base: type[enum.Enum] = enum.Enum,
    module: str | None = None,
    qualname: str | None = None,
    **settings: Any,
) -> type[enum.Enum]:
    """An `Enum` whose members come from a function that takes no arguments: a mapping of names to values, or names,
    which are their own values.

        @pc.cached(inputs=["colors.toml"], env=["CI"])
        def colormaps() -> list[str]: ...

        Colormap = pc.cached_enum("Colormap", colormaps)

    What the function returns is kept as by `cached`, and served as long as what it was declared to depend on is what it
    was: `inputs`, `env`, `version`, its own code. An environment in which it finds less (a build server without a
    screen) spoils no other if the variable that says so is declared.

    The class is made once, when this is called: members keep their identity as long as the process lives, and are
    pickled by class and value. What changes afterwards is seen by the next process. The order of members is the
    function's.

    - `name`: the class's name.
    - `function`: lists the members; if it is cached already, that counts. What it raises is raised, and not kept.
    - `base`: the kind of enumeration: `enum.IntEnum`, or one of your own with methods and no members. Default: `Enum`.
    - `module`, `qualname`: where the class can be found by pickle. Default: the caller's module, and the name.
    - `settings`: those of `cached`, for a function that is not cached.
    """
    if hasattr(function, "cache_info"):
        if settings:
            raise ConfigError(f"enumeration {name!r}: its function is cached already: give {', '.join(settings)} there")
        listed = function
    else:
        listed = cached(**settings)(function)
    found = listed()
    pairs = list(found.items()) if hasattr(found, "items") else [(one, one) for one in found]
    seen: set[str] = set()
    for member, _ in pairs:
        if not isinstance(member, str):
            raise ConfigError(f"enumeration {name!r}: {member!r} is no name of a member: expected text")
        if member in seen:
            raise ConfigError(f"enumeration {name!r}: {member!r} is there twice")
        seen.add(member)
    if module is None:
        module = sys._getframe(1).f_globals.get("__name__", "__main__")
    make = cast("Any", base)
    try:
        made = make(name, pairs, module=module, qualname=qualname or name)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"enumeration {name!r} cannot be made: {error}") from error
    return cast("type[enum.Enum]", made)
