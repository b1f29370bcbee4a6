"""Plugins of users, judged before any of their code runs: what the original did after it had run.

What is judged is what is loaded: the bytes are handed on, and packages above a plugin that would run with it are judged
too. A static scan is a hint and no sandbox; see the document on safety for what each profile misses.

- `"strict"`, the default: what is not known to be harmless is not allowed, nor what belongs to the host.
- `"ratio1"`: the verdicts of the original's checker, with all that it misses.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._errors import ConfigError
from ..._safety import SafetyPolicy
from . import _search

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..._plugcache import Judge

PROFILES = ("strict", "ratio1")

#: What belongs to the host, and is not for plugins: the original's list, which its profile has built in.
_HOSTS_NAMES = ("__builtins__",)
_HOSTS_ATTRIBUTES = (
    "log",
    "global_shmem",
    "plugins_shmem",
    "config_data",
    "_default_config",
    "__traceback__",
    "_upstream_config",
)

_judges: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Judge] = {}
_default = "strict"
_allowed_digests: tuple[str, ...] = ()
_epoch = 0


class Verdict(NamedTuple):
    """What was decided about a source."""

    is_allowed: bool
    #: What was found, each with its lines, as the original's checker tells it; empty if nothing was.
    errors: dict[str, list[int]]
    #: BLAKE3 of the source: on the list of digests it is allowed whatever was found.
    digest: str | None


class Parent(NamedTuple):
    """A package above a plugin, as it was when the plugin was judged."""

    #: Its `__init__.py`; `None`: no code of it is to run, because it has none, or because it has run.
    file: str | None
    #: What that holds; `None` if it is no source.
    source: bytes | None


def choose(profile: str, allowed_digests: Iterable[str] = ()) -> None:
    """Sets the profile of all managers that say none of their own, and the digests that are allowed."""
    global _default, _allowed_digests, _epoch
    if profile not in PROFILES:
        raise ConfigError(f"safety profile {profile!r} is not known: expected one of {', '.join(PROFILES)}")
    digests = tuple(sorted(set(allowed_digests)))
    _judge(profile, (), digests)
    _default, _allowed_digests = profile, digests
    _judges.clear()
    # The last: who has seen the new number judges by the new rules.
    _epoch += 1


def epoch() -> int:
    """How often rules were chosen: what was decided before the last time counts no more."""
    return _epoch


def default_profile() -> str:
    """The profile that was chosen at installation."""
    return _default


def judge(file: str, source: bytes, profile: str | None = None, safe_imports: Sequence[str] = ()) -> Verdict:
    """Judges a source.

    - `safe_imports`: packages that it may import, with what is below them. Default: none.
    """
    profile = profile or _default
    # With the digests: whoever began before others were chosen must not leave a judge of the old ones behind.
    key = (profile, tuple(safe_imports), _allowed_digests)
    known = _judges.get(key)
    if known is None:
        while len(_judges) >= 64:
            _judges.pop(next(iter(_judges)), None)
        known = _judges[key] = _judge(*key)
    judged = known.source(file, source)
    errors: dict[str, list[int]] = {}
    for line, _, rule, what, why in judged.violations:
        errors.setdefault(f"{rule} `{what}`: {why} ", []).append(line)
    return Verdict(judged.allowed, errors, judged.digest)


def _judge(profile: str, safe_imports: tuple[str, ...], digests: tuple[str, ...]) -> Judge:
    is_strict = profile == "strict"
    return SafetyPolicy(
        profile="strict" if is_strict else "ratio1",
        allowed_imports=safe_imports,
        denied_names=_HOSTS_NAMES if is_strict else (),
        denied_attributes=_HOSTS_ATTRIBUTES if is_strict else (),
        allowed_digests=digests,
    ).judge()


def unjudged(file: str) -> Verdict:
    """The verdict on compiled code without a source."""
    return Verdict(False, {f"unjudged-code `{file}`: there is no source to judge; install the source ": [0]}, None)


def parents_of(module: str) -> dict[str, Parent]:
    """The packages above a module that are imported before it is. Those that have no code now, or that are loaded and
    run no more, are among them: code of theirs that is there a moment later was not judged."""
    found: dict[str, Parent] = {}
    parts = module.split(".")
    for end in range(1, len(parts)):
        name = ".".join(parts[:end])
        spec = None if name in sys.modules else _search.spec_of(name)
        if spec is None or spec.loader is None or not spec.origin:
            found[name] = Parent(None, None)
        elif not spec.origin.endswith(".py"):
            found[name] = Parent(spec.origin, None)
        else:
            with open(spec.origin, "rb") as file:
                found[name] = Parent(spec.origin, file.read())
    return found


class CodeChecker:
    """Stands for the original's `code_checker`, for whoever asks it about a text."""

    def __init__(self, profile: str | None = None) -> None:
        self.profile = profile

    def check_code_text(self, code: str, safe_imports: Any = None) -> dict[str, list[int]] | None:
        """What speaks against a text, each with its lines; `None` if nothing does."""
        allowed = _search.as_list(safe_imports)
        return judge("<text>", code.encode("utf-8", "surrogatepass"), self.profile, allowed).errors or None
