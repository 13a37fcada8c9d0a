"""Throttles through the API: slow down a tenant, a source, a kind of job or one job, and lift that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from lading.client.aio.session import Session
from lading.wire.limits import ThrottleList
from lading.wire.throttles import LiftRequest, Scope, SetThrottle, ThrottleRequest

_BASE: Final = "/api/v1/throttles"


class Throttles:
    """What somebody slowed down."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self) -> Sequence[SetThrottle]:
        """Return what is slowed down; what is held back now is in `limits.throttles`."""
        return (await self.stands()).set

    async def stands(self) -> ThrottleList:
        """Return what is slowed down, what is held back now, and whether more jobs are than are named."""
        return await self._session.fetch(ThrottleList, "GET", _BASE)

    async def set(self, request: ThrottleRequest) -> SetThrottle:
        """Slow something down; doing it again replaces what was set."""
        return await self._session.fetch(SetThrottle, "POST", _BASE, body=asdict(request))

    async def lift(self, scope: Scope, target: str = "", *, reason: str, ticket: str | None = None) -> None:
        """Let it go at its own pace again."""
        await self._session.call("DELETE", _BASE, body=asdict(LiftRequest(scope, target, reason, ticket)))
