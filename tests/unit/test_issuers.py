"""Providers that do not answer hold up whoever registered them, and nobody else."""  # A6, A7

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest

from lading.api.issuers import Issuers
from lading.errors import ProviderUnavailable
from lading.tenants.claims import Unproved

pytestmark = pytest.mark.anyio
HOSTILE, PEACEFUL = UUID(int=1), UUID(int=2)


class Names:
    """A look-up that hangs for hosts that are dead, until the test lets go."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.hanging = 0
        self.most = 0
        self.over = threading.Event()
        self.lock = threading.Lock()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        with self.lock:
            self.asked[host] += 1
            self.hanging += 1
            self.most = max(self.most, self.hanging)
        if host.startswith("dead"):
            assert self.over.wait(60)
        with self.lock:
            self.hanging -= 1
        raise OSError("no such host")


def token(host: str) -> Unproved:
    return Unproved("x", "RS256", None, f"https://{host}.example")


async def test_dead_issuers_of_one_tenant_do_not_hold_up_another() -> None:
    names = Names()
    issuers = Issuers(resolve=names)
    waiting = [asyncio.create_task(issuers.keys(token(f"dead{n}"), (), [HOSTILE])) for n in range(60)]
    try:
        with pytest.raises(ProviderUnavailable):
            await issuers.keys(token("alive"), (), [PEACEFUL])
        # One that both believe is the peaceful one's to ask.
        with pytest.raises(ProviderUnavailable):
            await issuers.keys(token("shared"), (), [HOSTILE, PEACEFUL])

        assert names.asked["alive.example"] == names.asked["shared.example"] == 1
        assert sum(names.asked.values()) <= 4
        assert names.most <= 3
    finally:
        names.over.set()
        await asyncio.gather(*waiting, return_exceptions=True)
