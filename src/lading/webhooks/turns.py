"""
Whose call is made next: few threads call, and a receiver that hangs keeps neither all of them nor those who wait.

A webhook has at most `each` calls under way, a tenant at most as many as are left free: the first may have half of
all, the next half of what is left, and there is always one for a newcomer.  Who waits is served by webhooks in turn.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Final, TypeAlias
from uuid import UUID

_SHORTEST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 900.0

_Line: TypeAlias = tuple[UUID, UUID]


class Turns:
    """Up to `most` calls under way, up to `each` of one webhook."""

    def __init__(self, *, most: int, each: int) -> None:
        self._most: Final = most
        self._each: Final = each
        self._lines: Final[dict[_Line, deque[asyncio.Future[None]]]] = {}
        self._tenants: Final = Counter[UUID]()
        self._webhooks: Final = Counter[UUID]()
        self._seconds: Final[dict[UUID, float]] = {}
        self._taken = 0

    async def take(self, tenant: UUID, webhook: UUID, *, patience: float) -> bool:
        """Wait for a turn; return False when there was none for so many seconds."""
        line = tenant, webhook
        if line not in self._lines and self._may(line):
            self._begin(line)
            return True
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(line, deque()).append(turn)
        try:
            async with asyncio.timeout(patience):
                await turn
        except TimeoutError:
            return self._left(line, turn)
        except asyncio.CancelledError:
            if self._left(line, turn):
                self.give_back(tenant, webhook, seconds=None)
            raise
        return True

    def give_back(self, tenant: UUID, webhook: UUID, *, seconds: float | None) -> None:
        """End a turn in which the call took so long; None when none was made."""
        self._taken -= 1
        for counts, who in ((self._tenants, tenant), (self._webhooks, webhook)):
            counts[who] -= 1
            if not counts[who]:
                del counts[who]
        if seconds is not None:
            known = self._seconds.get(webhook, seconds)
            self._seconds[webhook] = known + (seconds - known) / 4
        self._forget((tenant, webhook))
        self._call()

    def wait_of(self, tenant: UUID, webhook: UUID, chance: float) -> float:
        """Return in how many seconds somebody who left the line may come again; `chance` in [0, 1) spreads them."""
        ahead = len(self._lines.get((tenant, webhook), ())) + self._webhooks[webhook]
        # Of whom nothing is known while others wait in line, no call has ended yet.
        whole = ahead * self._seconds.get(webhook, _SHORTEST_WAIT) / self._each
        return _SHORTEST_WAIT + chance * min(_LONGEST_WAIT, max(_SHORTEST_WAIT, whole))

    def _may(self, line: _Line) -> bool:
        tenant, webhook = line
        return self._webhooks[webhook] < self._each and self._tenants[tenant] < self._most - self._taken

    def _begin(self, line: _Line) -> None:
        tenant, webhook = line
        self._taken += 1
        self._tenants[tenant] += 1
        self._webhooks[webhook] += 1

    def _call(self) -> None:
        """Give what is free to those who wait, one of each line at a time."""
        is_moving = True
        while is_moving:
            is_moving = False
            for line in list(self._lines):
                if self._may(line):
                    is_moving = True
                    waiting = self._lines.pop(line)
                    turn = waiting.popleft()
                    if waiting:
                        self._lines[line] = waiting  # behind all others
                    if not turn.done():  # else it is about to leave
                        self._begin(line)
                        turn.set_result(None)

    def _left(self, line: _Line, turn: asyncio.Future[None]) -> bool:
        """Leave the line; return True when the turn had come meanwhile."""
        if turn.done() and not turn.cancelled():
            return True
        waiting = self._lines.get(line)
        if waiting is not None and turn in waiting:
            waiting.remove(turn)
            if not waiting:
                del self._lines[line]
        self._forget(line)
        return False

    def _forget(self, line: _Line) -> None:
        """Keep what is known of a webhook only as long as something of it is under way or waits."""
        if line not in self._lines and line[1] not in self._webhooks:
            self._seconds.pop(line[1], None)
