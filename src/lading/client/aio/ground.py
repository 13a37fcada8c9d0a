"""What differs between the two colours of the client; the other half is `lading.client.sync.ground`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Return after `seconds`."""
    await asyncio.sleep(seconds)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns, without holding up the event loop."""
    return await asyncio.to_thread(function, *args, **kwargs)
