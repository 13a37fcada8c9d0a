"""
What keeps the ledger provable beside its integrator: tiles for old entries, the log of the instance.

Any number of processes do this at the same time; the integrator's lock lets one at a time.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lading.db.database import Database
from lading.ledger import instance, publishing
from lading.ledger.integrator import fill_tiles
from lading.ledger.trust import Signing
from lading.settings import Settings
from lading.upkeep import stamping

_REST_SECONDS: Final = 0.02
_ROUNDS: Final = 500


class Proving:
    """The sweeps of one process for what proves."""

    def __init__(self, settings: Settings, database: Database, signer: Signing) -> None:
        self._settings: Final = settings
        self._database: Final = database
        self._signer: Final = signer

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
        )
        if not self._signer.is_local:
            await publishing.publish_instance(self._database, self._signer)

    async def stamp(self) -> None:
        """Heads of the instance's log have the stamp of a time-stamp authority, where one is named."""
        await stamping.stamp(self._database, self._settings)
