"""`SafetyPolicy` and `judge`: plugins judged from their source, before any of their code runs.

A static scan is a hint and no sandbox. What decides is the list of digests: a source on it is allowed whatever the
scan says, and with `only_listed` nothing else is. The scan says to whoever keeps the list where to look.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ._plugcache import Judge, Judged

if TYPE_CHECKING:
    from typing import Literal


class SafetyPolicy(NamedTuple):
    """What user plugins may do. The default is strict, and allows no packages but harmless ones of the standard
    library.

    - `profile`: `"strict"`, or `"ratio1"`, the verdicts of ratio1's own checker with all that it misses. Default:
      `"strict"`.
    - `allowed_imports`: packages that may be imported, with all that is below them. Default: none.
    - `denied_names`, `denied_attributes`: what may not be used, besides what the profile denies. Default: none.
    - `allowed_digests`: BLAKE3 digests of sources that are allowed whatever the scan says. Default: none.
    - `only_listed`: nothing is allowed but what is on that list, or below a trusted root. Default: no.
    - `trusted_roots`: directories whose files are not judged. Default: none.
    - `max_bytes`: largest source. Default: 4 MiB.
    """

    profile: Literal["strict", "ratio1"] = "strict"
    allowed_imports: tuple[str, ...] = ()
    denied_names: tuple[str, ...] = ()
    denied_attributes: tuple[str, ...] = ()
    allowed_digests: tuple[str, ...] = ()
    only_listed: bool = False
    trusted_roots: tuple[str, ...] = ()
    max_bytes: int = 4 << 20

    def judge(self) -> Judge:
        """What judges by this policy. What a scan found is kept, by the digests of source and policy."""
        return Judge(self._asdict())


def judge(what: str | os.PathLike[str] | bytes, policy: SafetyPolicy = SafetyPolicy()) -> Judged:
    """Judges a file, or bytes, without running anything. A file that cannot be read is rejected, never passed.

    The answer has `allowed`, its `reason`, the `violations` and the `digest`; its `source()` gives the very bytes that
    were judged, to be compiled instead of the file, and raises `RejectedPluginError` if they may not be loaded.
    """
    if isinstance(what, bytes):
        return policy.judge().source("<bytes>", what)
    return policy.judge().file(os.path.abspath(os.fspath(what)))
