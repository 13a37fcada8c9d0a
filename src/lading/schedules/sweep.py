"""
The sweep of schedules over all tenants: any number of processes do it at once, each slot is decided by one of them.

It tells when it is to be done again: when the next slot is due, by the database's clock, or soon when slots wait.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from lading.db.database import Database
from lading.db.pruning import prune
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.jobs.model import Fault
from lading.limits.admission import Admission
from lading.schedules import firing, store
from lading.schedules.making import Maker
from lading.schedules.model import Schedule
from lading.schedules.store import Named
from lading.tenants.model import RIGHTS, Role, Scope

_LOG: Final = logging.getLogger("lading.schedules")
_SQL: Final = Statements("lading.schedules")
_AT_ONCE: Final = 100
_ROUNDS: Final = 50
LONGEST_SECONDS: Final = 5.0
"""A schedule that was made or changed meanwhile is noticed within this time; no slot is closer than to the minute."""
WAITING_SECONDS: Final = 1.0

_Step = Callable[[Transaction, Schedule, Maker, Fault | None], Awaitable[int]]


class Sweep:
    """The sweep of one process."""

    def __init__(self, database: Database, maker: Maker, admission: Admission) -> None:
        self._database: Final = database
        self._maker: Final = maker
        self._admission: Final = admission

    async def run(self) -> int:
        """Decide every slot that is due and make what waited long enough; return how much was done."""
        await self._replan()
        count = 0
        for _ in range(_ROUNDS):  # what an outage has put off is due all at once
            async with self._database.system() as tx:
                due = await store.due(tx, limit=_AT_ONCE)
            done = sum([await self._one(each, firing.decide) for each in due])
            count += done
            if len(due) < _AT_ONCE or not done:
                break
        async with self._database.system() as tx:
            waiting = await store.waiting(tx, limit=_AT_ONCE)
        return count + sum([await self._one(each, firing.go_on) for each in waiting])

    async def pause(self) -> float:
        """Return in how many seconds to look again."""
        async with self._database.system() as tx:
            wake = await store.wake(tx)
        longest = WAITING_SECONDS if wake.waits else LONGEST_SECONDS
        return longest if wake.seconds is None else min(max(wake.seconds, 0.0), longest)

    async def prune(self, *, days: int) -> int:
        """Forget what became of slots so many days ago; return how many."""
        return await prune(self._database, _SQL["prune"], days=days)

    async def _one(self, named: Named, step: _Step) -> int:
        try:
            async with self._database.system() as tx:
                is_gone, role = await store.owner_now(tx, named)
            refusal = await self._refusal(named, is_gone=is_gone, role=role)
            async with self._database.tenant(named.tenant_id) as tx:
                found = await store.take(tx, named.id)
                if found is None:
                    return 0
                if role is not None:  # whoever was given another role since asks in that one
                    found = replace(found, owner=replace(found.owner, role=role.value))
                return await step(tx, found, self._maker, refusal)
        except Exception:  # noqa: BLE001 - whatever it is, it must not keep the other schedules waiting
            _LOG.exception("schedule.sweep_failed", extra={"schedule": str(named.id)})
            return 0

    async def _refusal(self, named: Named, *, is_gone: bool, role: Role | None) -> Fault | None:
        """Return why nothing may be made for this schedule now, None if it may."""
        if is_gone:
            return firing.OWNER_GONE
        if role is not None and Scope.EXPORT not in RIGHTS[role]:
            return firing.OWNER_DEMOTED
        full = await self._admission.refusal(named.tenant_id, count=1, priority=named.priority)
        return None if full is None else Fault(full.code, full.message)

    async def _replan(self) -> None:
        """Where an older edition of the time zone database told the next slot, compute it anew."""
        async with self._database.system() as tx:
            outdated = await store.outdated(tx, limit=_AT_ONCE)
        for named in outdated:
            async with self._database.tenant(named.tenant_id) as tx:
                found = await store.take(tx, named.id)
                if found is not None:
                    await store.replan(tx, found)
