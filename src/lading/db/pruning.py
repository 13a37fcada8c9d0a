"""
Delete what is too old, over all tenants, a part at a time: no transaction is long, and none holds many locks.

Any number of processes may do it at once; what one has deleted the other does not find.
"""

from __future__ import annotations

from typing import Final

from psycopg.sql import SQL

from lading.db.database import Database

_PART: Final = 10_000


async def prune(database: Database, statement: SQL, /, **parameters: object) -> int:
    """Run a statement that deletes up to `limit` rows until there are fewer; return how many are gone."""
    count, part = 0, _PART
    while part == _PART:
        async with database.system() as tx:
            part = await tx.run(statement, **parameters, limit=_PART)
        count += part
    return count
