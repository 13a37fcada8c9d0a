"""The sweeps that keep the ledger provable ask a signer that is elsewhere, too."""

# A1 A5

from __future__ import annotations

import asyncio
import shlex
import sys
from pathlib import Path
from uuid import UUID

import pytest

import signer_program
from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db import notify
from lading.db.database import Database
from lading.errors import NotFound, SignerUnavailable
from lading.ledger import heads, instance, signers, store
from lading.ledger.entry import Actor, Entry
from lading.ledger.heads import Head
from lading.ledger.keys import Keys, load_or_create
from lading.settings import Settings
from lading.upkeep.proving import Proving
from lading.upkeep.sweeps import Upkeep

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(data_dir=tmp_path, database_url=database_url, instance="test", instance_log_seconds=0.0)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    made = tmp_path / "module"
    made.mkdir()
    return made


@pytest.fixture
async def tenant(database: Database) -> UUID:
    identifier = ids.new()
    async with database.connection() as connection:
        await connection.execute("INSERT INTO tenants VALUES (%s, 'acme', 'Acme')", (identifier,))
    return identifier


def opened(settings: Settings, module: Path, fault: str = "") -> Keys:
    """Return keys that lie in the module; with a fault it does not answer as it should."""
    program = [sys.executable, signer_program.__file__, str(module), *([fault] if fault else [])]
    return load_or_create(settings.keys_dir, settings.instance, signers.command(shlex.join(program), seconds=60.0))


def upkeep(settings: Settings, database: Database, keys: Keys) -> Upkeep:
    assert not keys.log.is_local
    return Upkeep(settings, database, {}, keys.log, BlobStore(settings.blobs_dir))


async def write(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await store.record(tx, Entry("job.started", "job_1", Actor("worker", "lse_1")))


async def published(database: Database, tenant: UUID, keys: Keys) -> Head | None:
    """Return the newest head of the instance's log, its signature checked, None without one."""
    async with database.tenant(tenant) as tx:
        try:
            return heads.verify((await instance.head(tx)).note, keys.trust)
        except NotFound:
            return None


async def test_the_head_of_the_instance_is_signed_elsewhere_and_published(
    database: Database, settings: Settings, module: Path, tenant: UUID
) -> None:
    keys = opened(settings, module)
    await write(database, tenant)

    sweeping = asyncio.create_task(upkeep(settings, database, keys).run())
    async with notify.Hearer(settings.database_url, notify.EVENTS) as hearer, asyncio.timeout(120):
        while not sweeping.done():
            seen = hearer.generation(notify.EVENTS)
            if (head := await published(database, tenant, keys)) is not None:
                break
            await hearer.wait(notify.EVENTS, seen, 1.0)

    assert not sweeping.done()
    sweeping.cancel()
    await asyncio.wait({sweeping})
    assert (head.origin, head.size) == ("test/instance", 1)
    async with database.tenant(tenant) as tx:
        assert await instance.proof_of(tx, 1) is not None


async def test_while_the_signer_is_away_the_log_grows_and_its_head_follows_when_it_is_back(
    database: Database, settings: Settings, module: Path, tenant: UUID
) -> None:
    keys = opened(settings, module)
    here, proving = upkeep(settings, database, keys), Proving(settings, database, keys.log)
    await write(database, tenant)
    await here.integrate()
    away = Proving(settings, database, opened(settings, module, "dies").log)

    with pytest.raises(SignerUnavailable):
        await away.anchor()
    assert await published(database, tenant, keys) is None
    await proving.anchor()  # nothing more is to be appended, and the head is signed all the same

    first = await published(database, tenant, keys)
    await write(database, tenant)
    await here.integrate()
    await proving.anchor()
    second = await published(database, tenant, keys)
    assert first is not None
    assert second is not None
    assert (first.size, second.size) == (1, 2)
