"""
The admin key of this installation: minted once, shown once.

Only its digest is stored; who has lost the token has another one minted (`lading up --new-admin-token`).
"""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.ledger.entry import SYSTEM
from lading.tenants import store
from lading.tenants.model import INSTANCE_ID, Role


async def first_token(database_url: str) -> str | None:
    """Return a new admin token if this installation never had one."""
    async with _opened(database_url) as database, database.system() as tx:
        if await _had_admin(tx):
            return None
        minted = await store.mint_key(tx, INSTANCE_ID, name="first admin", role=Role.ADMIN, actor=SYSTEM)
    return minted.token


async def another_token(database_url: str, *, name: str = "admin", lifetime: datetime.timedelta | None = None) -> str:
    """Return a new admin token, which expires after `lifetime` if that is given."""
    async with _opened(database_url) as database, database.system() as tx:
        expires_at = None if lifetime is None else tx.now + lifetime
        minted = await store.mint_key(tx, INSTANCE_ID, name=name, role=Role.ADMIN, expires_at=expires_at, actor=SYSTEM)
    return minted.token


async def _had_admin(tx: Transaction) -> bool:
    before: UUID | None = None
    while page := await store.list_keys(tx, INSTANCE_ID, before=before):
        if any(key.role is Role.ADMIN and key.expires_at is None for key in page):
            return True
        before = page[-1].id
    return False


@asynccontextmanager
async def _opened(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, size=1)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
