"""
Sign heads with keys that are kept elsewhere: after the tree has grown for good, and in no transaction.

A signer elsewhere keeps its own record, and may be slow or away.  It is asked only for what can't change any more: the
size and root of a tree that is committed.  Whatever dies between growing and publishing, the tree without a head is
found again, and the same is asked for again: no log ever signs two heads of one size.
"""

from __future__ import annotations

import asyncio
from typing import Final

from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row
from lading.ledger import heads
from lading.ledger.trust import Signing

_SQL: Final = Statements("lading.ledger")
_AT_ONCE: Final = 100


async def publish_unsigned(database: Database, signer: Signing) -> int:
    """Sign heads for some trees that lack one, and return how many; SignerUnavailable when the signer can't."""
    async with database.ledger() as tx:
        found = await tx.all(_SQL["unsigned"], limit=_AT_ONCE)
    for row in found:
        note = await _note(row, signer)
        async with database.ledger() as tx:
            await tx.run(
                _SQL["publish"],
                tenant_id=row["tenant_id"],
                size=row["size"],
                root=row["root"],
                note=note,
                signed_at=tx.now,
            )
    return len(found)


async def publish_instance(database: Database, signer: Signing) -> None:
    """Sign a head for the log of the instance, if it lacks one; SignerUnavailable when the signer can't."""
    async with database.ledger() as tx:
        row = await tx.maybe(_SQL["unsigned_instance"])
    if row is None:
        return
    note = await _note(row, signer)
    async with database.ledger() as tx:
        await tx.run(_SQL["publish_instance"], size=row["size"], root=row["root"], note=note, signed_at=tx.now)


async def _note(row: Row, signer: Signing) -> str:
    leaves = row["size"] - row["base"]
    return await asyncio.to_thread(heads.sign, row["origin"], leaves, bytes(row["root"]), signer)
