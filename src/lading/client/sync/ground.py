"""What differs between the two colours of the client; the other half is `lading.client.aio.ground`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def sleep(seconds: float) -> None:
    """Return after `seconds`."""
    time.sleep(seconds)


def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` returns; whoever calls this colour has a thread already."""
    return function(*args, **kwargs)
