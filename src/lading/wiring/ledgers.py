"""
The ledger as the person at this machine sees it: checked, and let go on after a restore.

What `lading ledger selfcheck`, `lading ledger adopt-restore` and `lading doctor` do, on the database and the marks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from lading.db.database import Database
from lading.ledger import epochs, selfcheck
from lading.ledger.epochs import TakenBack
from lading.ledger.marks import Marks
from lading.ledger.selfcheck import Checked
from lading.ledger.trust import Trust
from lading.settings import Settings
from lading.wiring import database, signing


async def taken_back(settings: Settings, opened: Database) -> Sequence[TakenBack]:
    """Return the ledgers that the database has less of, or other, than was signed."""
    return await epochs.examine(opened, Marks(*settings.mark_folders).read())


async def check(settings: Settings, slug: str | None) -> AsyncIterator[Checked]:
    """Yield what the recomputation of each ledger finds, or of one; of those taken back, that they are."""
    trust = Trust.load(settings.trust_file)
    async with _opened(settings) as opened:
        behind = {each.tree: each for each in await taken_back(settings, opened)}
        async for found in selfcheck.check_all(opened, trust, slug=slug):
            each = behind.get(found.tenant_id)
            if each is None or found.fault is not None:
                yield found
            else:
                yield Checked(found.tenant_id, found.slug, found.size, found.entries, each.sentence)


async def adopt(settings: Settings, *, reason: str, ticket: str | None) -> Sequence[TakenBack]:
    """Open the next epoch of every ledger that was taken back; return them."""
    async with _opened(settings) as opened:
        return await epochs.adopt(
            opened,
            signing.opened(settings).log,
            Marks(*settings.mark_folders),
            origin_prefix=settings.instance,
            reason=reason,
            ticket=ticket,
        )


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(database.url_of_running(settings), size=2)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()
