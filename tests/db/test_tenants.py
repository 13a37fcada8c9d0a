"""A key opens one tenant, its secret is known to its holder alone, and a key that ended opens nothing."""

# A7 (keys hashed, deny by default), A6 (a tenant's keys are its own), E1 of the ledger: every change has its entry.

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg.sql import SQL

from lading import ids
from lading.db.database import Database
from lading.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM
from lading.tenants import store
from lading.tenants.model import INSTANCE_ID, Role, Tenant

pytestmark = pytest.mark.anyio


async def a_tenant(database: Database, slug: str = "nordlys") -> Tenant:
    async with database.system() as tx:
        return await store.create_tenant(tx, slug, name=f"{slug} (eksempel)", actor=SYSTEM)


async def a_key(database: Database, tenant_id: UUID, role: Role = Role.VIEWER) -> store.MintedKey:
    async with database.system() as tx:
        return await store.mint_key(tx, tenant_id, name="a test", role=role, actor=SYSTEM)


async def events(database: Database, tenant_id: UUID, subject: str) -> list[str]:
    async with database.tenant(tenant_id) as tx:
        return [json.loads(line)["type"] for line in await ledger.history(tx, subject)]


async def test_a_minted_token_says_whose_it_is(database: Database) -> None:
    tenant = await a_tenant(database)
    minted = await a_key(database, tenant.id, Role.OPERATOR)

    async with database.system() as tx:
        principal = await store.authenticate(tx, minted.token)

    assert (principal.tenant_id, principal.role, principal.is_instance) == (tenant.id, Role.OPERATOR, False)
    assert principal.actor.id == ids.show(ids.KEY, minted.key.id)


async def test_only_an_admin_of_the_instance_acts_for_every_tenant(database: Database) -> None:
    admin, auditor = await a_key(database, INSTANCE_ID, Role.ADMIN), await a_key(database, INSTANCE_ID, Role.AUDITOR)

    async with database.system() as tx:
        assert (await store.authenticate(tx, admin.token)).is_instance
        assert not (await store.authenticate(tx, auditor.token)).is_instance


async def test_the_database_holds_nothing_of_a_secret_but_its_digest(database: Database) -> None:
    minted = await a_key(database, INSTANCE_ID)
    secret = minted.token[31:-9]

    async with database.system() as tx:
        row = await tx.one(SQL("SELECT api_keys::text AS text FROM api_keys"))
    async with database.ledger() as tx:
        pending = await tx.all(SQL("SELECT convert_from(line, 'UTF8') AS text FROM ledger_pending"))

    assert len(secret) == 43
    assert all(secret not in each["text"] for each in (row, *pending))
    assert secret not in repr(minted)


async def test_a_token_with_one_wrong_letter_is_nobody(database: Database) -> None:
    minted = await a_key(database, INSTANCE_ID)
    other = await a_key(database, INSTANCE_ID)
    forged = minted.token[:31] + other.token[31:]

    for text in ("", "ldg_", minted.token[:-1], minted.token + "0", minted.token.upper(), "\x00", forged):
        async with database.system() as tx:
            with pytest.raises(Unauthenticated) as refused:
                await store.authenticate(tx, text)
        assert len(text) < 10 or text not in str(refused.value)


async def test_a_secret_opens_only_its_own_key(database: Database) -> None:
    mine, other = await a_key(database, INSTANCE_ID), await a_key(database, INSTANCE_ID)
    crossed = store.tokens.Token(mine.key.id, other.token[31:-9]).reveal()

    async with database.system() as tx:
        with pytest.raises(Unauthenticated, match="not known"):
            await store.authenticate(tx, crossed)


async def test_a_revoked_key_opens_nothing_and_is_revoked_once(database: Database) -> None:
    tenant = await a_tenant(database)
    minted = await a_key(database, tenant.id)

    for _ in range(2):
        async with database.system() as tx:
            await store.revoke_key(tx, tenant.id, key_id=minted.key.id, actor=SYSTEM)

    async with database.system() as tx:
        with pytest.raises(Unauthenticated, match="revoked"):
            await store.authenticate(tx, minted.token)
    subject = ids.show(ids.KEY, minted.key.id)
    assert await events(database, tenant.id, subject) == ["key.created", "key.revoked"]


async def test_an_expired_key_opens_nothing(database: Database) -> None:
    async with database.system() as tx:
        minted = await store.mint_key(
            tx, INSTANCE_ID, name="short", role=Role.VIEWER, expires_at=tx.now + timedelta(seconds=60), actor=SYSTEM
        )

    async with database.system() as tx:
        later = str(tx.now + timedelta(seconds=61))
        await tx.run(SQL("SELECT set_config('lading.now', %(later)s, true)"), later=later)
        expired = store.Transaction(tx.connection, tx.role, tx.tenant_id, tx.now + timedelta(seconds=61))
        with pytest.raises(Unauthenticated, match="expired"):
            await store.authenticate(expired, minted.token)


async def test_a_key_of_another_tenant_cannot_be_revoked(database: Database) -> None:
    nordlys, fjord = await a_tenant(database), await a_tenant(database, "fjord")
    minted = await a_key(database, nordlys.id)

    async with database.system() as tx:
        with pytest.raises(NotFound):
            await store.revoke_key(tx, fjord.id, key_id=minted.key.id, actor=SYSTEM)
        assert await store.authenticate(tx, minted.token)


async def test_a_tenant_is_created_once_and_stands_in_its_own_ledger(database: Database) -> None:
    tenant = await a_tenant(database)

    with pytest.raises(Conflict, match="nordlys"):
        await a_tenant(database)

    async with database.system() as tx:
        assert await store.find_tenant(tx, "nordlys") == tenant
        assert await store.find_tenant(tx, "nobody") is None
        assert [each.slug for each in await store.list_tenants(tx)] == ["instance", "nordlys"]
    assert await events(database, tenant.id, ids.show(ids.TENANT, tenant.id)) == ["tenant.created"]


@pytest.mark.parametrize(
    ("slug", "name", "field"),
    [("Nordlys", "x", "slug"), ("a", "x", "slug"), ("../x", "x", "slug"), ("ok", " ", "name"), ("ok", "a\x00", "name")],
)
async def test_a_name_that_cannot_be_is_refused_by_field(database: Database, slug: str, name: str, field: str) -> None:
    async with database.system() as tx:
        with pytest.raises(InvalidInput) as refused:
            await store.create_tenant(tx, slug, name=name, actor=SYSTEM)

    assert refused.value.errors[0].pointer == f"/{field}"
