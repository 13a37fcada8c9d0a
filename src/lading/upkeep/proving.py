"""
What keeps the ledger provable beside its integrator.

Marks outside the database, tiles for old entries, the log of the instance, a recomputation of every ledger each day.
Any number of processes do this at the same time; the integrator's lock, or a row, lets one at a time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from lading.db.database import Database
from lading.ledger import epochs, instance, pruning, publishing, selfcheck
from lading.ledger.integrator import Guard, fill_tiles
from lading.ledger.marks import Marks
from lading.ledger.trust import Signing, Trust
from lading.settings import Settings
from lading.upkeep import stamping

_LOG: Final = logging.getLogger("lading.ledger")
_REST_SECONDS: Final = 0.02
_ROUNDS: Final = 500
_CHECK_HOURS: Final = 24


class Proving:
    """The sweeps of one process for what proves."""

    def __init__(self, settings: Settings, database: Database, signer: Signing) -> None:
        self._settings: Final = settings
        self._database: Final = database
        self._signer: Final = signer
        self._guard: Final = Guard(Marks(*settings.mark_folders))
        self._has_looked = False

    async def guard(self) -> Guard:
        """Return what may be extended; nothing is signed before the marks were looked at."""
        if not self._has_looked:
            await self.look()
        return self._guard

    async def look(self) -> None:
        """Trees that were taken back are known and left alone, and somebody is told."""
        known = await asyncio.to_thread(self._guard.marks.read)
        found = await epochs.examine(self._database, known)
        for each in found:
            _LOG.error("ledger.taken_back", extra={"reason": each.sentence, "mend": "lading ledger adopt-restore"})
        self._guard.learn(known, (each.tree for each in found))
        self._has_looked = True

    async def fill_tiles(self) -> None:
        """Entries from before there were tiles are in some, so that proofs about them are quick."""
        for _ in range(_ROUNDS):
            if not await fill_tiles(self._database):
                return
            await asyncio.sleep(_REST_SECONDS)  # the integrator takes its turn between two parts

    async def anchor(self) -> None:
        """Heads of ledgers that grew are in the log of the instance, under a signed head of its own."""
        await instance.append(
            self._database,
            self._signer,
            origin_prefix=self._settings.instance,
            seconds=self._settings.instance_log_seconds,
            guard=await self.guard(),
        )
        if not self._signer.is_local:
            await publishing.publish_instance(self._database, self._signer)

    async def prune(self) -> None:
        """Entries that are old enough, and that nothing needs, are gone."""
        await pruning.prune(self._database, days=self._settings.ledger_days)

    async def check(self) -> None:
        """Every ledger was recomputed within a day; what does not fit is told."""
        trust = await asyncio.to_thread(Trust.load, self._settings.trust_file)
        while (found := await selfcheck.check_due(self._database, trust, hours=_CHECK_HOURS)) is not None:
            if found.fault is not None:
                _LOG.error("ledger.unsound", extra={"tenant": found.slug, "reason": found.fault})

    async def stamp(self) -> None:
        """Heads of the instance's log have the stamp of a time-stamp authority, where one is named."""
        await stamping.stamp(self._database, self._settings)
