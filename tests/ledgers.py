"""A ledger that grows in a test: who signs it, who is believed, and how entries come into its tree."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from lading import ids
from lading.db.database import Database
from lading.ledger import instance, store
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.integrator import Guard, integrate
from lading.ledger.keys import Signer
from lading.ledger.trust import Trust

PREFIX: Final = "test"
SIGNER: Final = Signer.generate("log")
TRUST: Final = Trust(PREFIX, (SIGNER.public,))


async def plant(database: Database, slug: str = "acme") -> UUID:
    """Make a tenant of whose making no ledger tells."""
    identifier = ids.new()
    async with database.connection() as connection:
        await connection.execute("INSERT INTO tenants VALUES (%s, %s, %s)", (identifier, slug, slug))
    return identifier


async def record(database: Database, tenant: UUID, count: int, *, text: str | None = None) -> None:
    """Record so many entries about one job."""
    more = {} if text is None else {"t": text}
    async with database.tenant(tenant) as tx:
        await store.record(tx, *(Entry("job.started", "job_1", SYSTEM, {"n": n, **more}) for n in range(count)))


async def signed(database: Database, *, is_logged: bool = True, guard: Guard | None = None) -> int:
    """Bring what was recorded into the trees, and their signed heads into the instance's log; return how many."""
    done = 0
    while found := await integrate(database, SIGNER, origin_prefix=PREFIX, guard=guard):
        done += found
    if is_logged:
        await instance.append(database, SIGNER, origin_prefix=PREFIX, seconds=0, guard=guard)
    return done


async def grow(database: Database, tenant: UUID, count: int) -> None:
    """Let the ledger of a tenant have so many more entries, all of them under signed heads."""
    await record(database, tenant, count)
    await signed(database)
