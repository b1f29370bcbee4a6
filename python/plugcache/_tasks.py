"""The event loop's side of awaiting what another task computes: called by the native half."""

from __future__ import annotations

import asyncio
from typing import Any

#: Stands for a value that another task has made and nobody else can have.
AGAIN = object()


def begin() -> tuple[asyncio.AbstractEventLoop, asyncio.Future[None], Any]:
    """The running loop, a future of it, and what an `await` of that future yields first."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    return loop, future, next(iter(future.__await__()))


def complete(future: asyncio.Future[None]) -> None:
    """Completes the future, unless who awaited it was cancelled."""
    if not future.done():
        future.set_result(None)
