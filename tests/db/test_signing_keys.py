"""Every ledger is told what becomes of the keys that sign it; a revoked one is believed only as far as it was good."""

# A5.

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner

from lading import cli, ids
from lading.db.database import Database
from lading.errors import PackageInvalid
from lading.ledger import epochs, heads, instance, rotation, signing_keys, store
from lading.ledger.entry import Actor, Entry
from lading.ledger.integrator import integrate
from lading.ledger.keys import Keys, load_or_create
from lading.ledger.marks import Mark, Marks
from lading.ledger.trust import Life, Revoked, Trust
from lading_verify import trust as verifier_trust
from serving import World

pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return load_or_create(tmp_path / "keys", "test")


@pytest.fixture
async def tenants(database: Database) -> list[UUID]:
    found = [ids.new(), ids.new()]
    async with database.connection() as connection:
        for number, tenant in enumerate(found):
            await connection.execute("INSERT INTO tenants VALUES (%s, %s, %s)", (tenant, f"t-{number}", "T"))
    return found


async def grow(database: Database, tenant: UUID, keys: Keys, prefix: str = "test") -> str:
    async with database.tenant(tenant) as tx:
        await store.record(tx, Entry("job.started", "job_1", Actor("worker", "lse_1")))
    await integrate(database, keys.log, origin_prefix=prefix)
    return await head_of(database, tenant)


async def head_of(database: Database, tenant: UUID) -> str:
    async with database.tenant(tenant) as tx:
        head = await store.head(tx)
    assert head is not None
    return head.note


async def told(database: Database, tenant: UUID) -> list[dict[str, Any]]:
    async with database.tenant(tenant) as tx:
        found = await store.entries(tx, first=0, limit=1000)
    lines = [json.loads(each.line) for each in found]
    return [each for each in lines if each["type"].startswith("signing_key.")]


async def announce(database: Database, keys: Keys) -> int:
    count = await signing_keys.announce(database, keys.store, reason="Yearly", ticket="OPS-1")
    await integrate(database, keys.log, origin_prefix="test")
    return count


async def test_every_ledger_is_told_of_a_rotation_once_under_a_head_that_both_keys_signed(
    database: Database, tenants: list[UUID], keys: Keys
) -> None:
    before = keys.trust
    old = keys.log.public.keyid
    await announce(database, keys)

    rotation.rotate(keys.store, "log", overlap=timedelta(days=1))
    counted = [await announce(database, keys), await announce(database, keys)]

    assert counted == [1, 0]
    for tenant in tenants:
        rotated = [each for each in await told(database, tenant) if each["type"] == "signing_key.rotated"]
        [entry] = rotated
        assert entry["subject"] == f"keyid:{keys.log.public.keyid}"
        assert entry["data"]["replaces"] == old
        assert entry["data"]["ticket"] == "OPS-1"
        note = await head_of(database, tenant)
        assert heads.verify(note, before).keyid == old
        assert heads.verify(note, Trust("test", (keys.log.public,))).keyid == keys.log.public.keyid


async def test_a_revoked_key_is_believed_for_what_each_tenant_had_then(
    database: Database, tenants: list[UUID], keys: Keys
) -> None:
    stolen = keys.log.signers()[0]
    small = await grow(database, tenants[0], keys)
    async with database.ledger() as tx:
        until = tx.now
    large = await grow(database, tenants[0], keys)

    rotation.revoke(keys.store, stolen.public.keyid, code="compromised", trusted_until=until)
    await announce(database, keys)

    trust = Trust.load(keys.store.folder / "trust.json")
    assert heads.verify(small, trust).keyid == stolen.public.keyid
    with pytest.raises(PackageInvalid, match="was revoked"):
        heads.verify(large, trust)
    assert heads.verify(await head_of(database, tenants[0]), trust).keyid == keys.log.public.keyid
    [revoked] = [each for each in await told(database, tenants[0]) if each["type"] == "signing_key.revoked"]
    assert revoked["data"]["trusted_size"] == heads.read(small).size
    assert revoked["data"]["trusted_root"] == heads.read(small).root.hex()
    [other] = [each for each in await told(database, tenants[1]) if each["type"] == "signing_key.revoked"]
    assert "trusted_size" not in other["data"]
    # A start, and another rotation, leave the sizes where they are.
    assert load_or_create(keys.store.folder, "test").trust.lives == trust.lives


async def restored(database: Database, tenant: UUID, keys: Keys, folder: Path) -> None:
    """Open the next epoch of the ledger, as after a restore."""
    marks = Marks(folder)
    marks.note({tenant: Mark(1, heads.read(await head_of(database, tenant)).size + 5, bytes(32))})
    assert await epochs.adopt(database, keys.log, marks, origin_prefix="test", reason="A disk broke", ticket=None)


async def test_a_revoked_key_is_believed_in_each_epoch_as_far_as_it_was_good(
    database: Database, tenants: list[UUID], keys: Keys, tmp_path: Path
) -> None:
    stolen = keys.log.signers()[0]
    first = await grow(database, tenants[0], keys)
    await instance.append(database, keys.log, origin_prefix="test", seconds=0)
    await restored(database, tenants[0], keys, tmp_path / "marks")
    second = await grow(database, tenants[0], keys)
    async with database.ledger() as tx:
        until = tx.now
    late = await grow(database, tenants[0], keys)

    rotation.revoke(keys.store, stolen.public.keyid, code="compromised", trusted_until=until)
    await announce(database, keys)

    trust = Trust.load(keys.store.folder / "trust.json")
    assert [heads.read(each).origin for each in (first, second)] == ["test/t/t-0", "test/t/t-0/e2"]
    assert [heads.verify(each, trust).keyid for each in (first, second)] == [stolen.public.keyid] * 2
    with pytest.raises(PackageInvalid, match="was revoked"):
        heads.verify(late, trust)
    life = trust.of_log("test/t/t-0").revoked(stolen.public)
    assert life is not None
    assert life.sizes.keys() == {"test/t/t-0", "test/t/t-0/e2", "test/instance"}
    [entry] = [each for each in await told(database, tenants[0]) if each["type"] == "signing_key.revoked"]
    assert entry["data"]["trusted_logs"] == {"test/t/t-0": heads.read(first).size}


async def test_epochs_that_an_older_version_forgot_are_believed_again_by_upkeep(
    database: Database, tenants: list[UUID], keys: Keys, tmp_path: Path
) -> None:
    stolen = keys.log.signers()[0]
    first = await grow(database, tenants[0], keys)
    await restored(database, tenants[0], keys, tmp_path / "marks")
    await grow(database, tenants[0], keys)
    rotation.revoke(keys.store, stolen.public.keyid, code="superseded")
    await announce(database, keys)
    file = keys.store.folder / "trust.json"
    document = json.loads(file.read_bytes())
    for each in document["keys"]:
        each.get("revoked", {}).get("sizes", {}).pop("test/t/t-0", None)
    file.write_text(json.dumps(document))  # as a version before this one wrote it
    async with database.connection() as connection:
        await connection.execute("DELETE FROM signing_key_logs")
    with pytest.raises(PackageInvalid, match="was revoked"):
        heads.verify(first, Trust.load(file))

    await signing_keys.announce_late(database, keys.store)

    assert heads.verify(first, Trust.load(file)).keyid == stolen.public.keyid


async def test_sizes_that_ledgers_were_told_of_reach_the_trust_file_though_somebody_died_between_the_two(
    database: Database, tenants: list[UUID], keys: Keys
) -> None:
    stolen = keys.log.signers()[0]
    small = await grow(database, tenants[0], keys)
    rotation.revoke(keys.store, stolen.public.keyid, code="compromised")
    file = keys.store.folder / "trust.json"
    before = file.read_bytes()
    await announce(database, keys)
    file.write_bytes(before)  # as if the process had ended when the ledgers had been told

    await signing_keys.announce_late(database, keys.store)

    assert heads.verify(small, Trust.load(file)).keyid == stolen.public.keyid


def test_the_file_for_auditors_of_a_tenant_tells_of_no_other(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    instant, key = "2026-11-22T01:00:00.000000Z", keys.log.public
    sizes = {"test/t/acme": 7, "test/t/acme/e2": 9, "test/t/bolt": 8}
    keys.store.say({key.keyid: Life(None, None, Revoked(instant, instant, sizes))})
    monkeypatch.setenv("LADING_DATA_DIR", str(keys.store.folder.parent))
    monkeypatch.setenv("LADING_INSTANCE", "test")

    def told(*more: str) -> object:
        arguments = ["signing-keys", "export", *more]
        found = CliRunner().invoke(cli.root, arguments, prog_name="lading", standalone_mode=False)
        revoked = Trust.parse(found.stdout_bytes).revoked(key)
        return None if revoked is None else revoked.sizes

    assert (told(), told("--tenant", "acme")) == ({}, {"test/t/acme": 7, "test/t/acme/e2": 9})


async def test_a_revocation_reaches_the_trust_file_though_somebody_died_before_writing_it(
    database: Database, tenants: list[UUID], keys: Keys
) -> None:
    assert tenants
    stolen, file = keys.package.public, keys.store.folder / "trust.json"
    before = file.read_bytes()
    rotation.revoke(keys.store, stolen.keyid, code="compromised")
    file.write_bytes(before)  # as if the process had ended when the keyring was written

    await signing_keys.announce_late(database, keys.store)

    assert Trust.load(file).keys("package") == (keys.package.public,)


def test_a_trust_file_has_room_for_the_sizes_of_many_ledgers(keys: Keys) -> None:
    sizes = {f"exports.example.org/t/organisation-{number:05d}": 1 << 40 for number in range(50_000)}
    instant = "2026-11-22T01:00:00.000000Z"
    key = keys.log.public

    keys.store.say({key.keyid: Life(None, None, Revoked(instant, instant, sizes))})

    revoked = Trust.load(keys.store.folder / "trust.json").revoked(key)
    assert revoked is not None
    assert revoked.sizes == sizes
    assert verifier_trust.load(keys.store.folder / "trust.json")


async def test_what_nobody_told_is_told_by_upkeep_when_it_is_old(
    database: Database, tenants: list[UUID], keys: Keys
) -> None:
    rotation.rotate(keys.store, "package", overlap=timedelta())
    early = await signing_keys.announce_late(database, keys.store)
    ring = keys.store.ring()
    async with database.connection() as connection:
        await connection.execute("ALTER FUNCTION lading_now() RENAME TO lading_real_now")
        await connection.execute(
            "CREATE FUNCTION lading_now() RETURNS timestamptz LANGUAGE sql STABLE "
            "AS $$SELECT now() + interval '6 minutes'$$"
        )

    late = await signing_keys.announce_late(database, keys.store)

    assert (early, late) == (0, len(ring.statements))
    await integrate(database, keys.log, origin_prefix="test")
    assert {each["type"] for each in await told(database, tenants[1])} == {"signing_key.made", "signing_key.rotated"}


async def test_ledgers_are_told_once_by_many_at_once(database: Database, tenants: list[UUID], keys: Keys) -> None:
    counts = await asyncio.gather(*(
        signing_keys.announce(database, keys.store, reason="Yearly", ticket=None) for _ in range(4)
    ))  # fmt: skip

    assert sorted(counts) == [0, 0, 0, 2]
    await integrate(database, keys.log, origin_prefix="test")
    assert len(await told(database, tenants[0])) == 2


async def test_the_api_gives_the_keyring_and_of_a_revoked_key_only_the_callers_own_size(world: World) -> None:
    settings, database = world.services.settings, world.services.database
    missing = await world.ask("GET", "/api/v1/keys/keyring")
    made = await asyncio.to_thread(load_or_create, settings.keys_dir, settings.instance)
    old = made.log.public.keyid
    note = await grow(database, world.organisations["nordlys"].id, made, settings.instance)
    await grow(database, world.organisations["fjord"].id, made, settings.instance)
    rotation.revoke(made.store, old, code="superseded")
    await signing_keys.announce(database, made.store, reason="Yearly", ticket=None)

    ring = await world.ask("GET", "/api/v1/keys/keyring")
    trust = Trust.parse((await world.ask("GET", "/api/v1/keys/trust")).content)

    stored, shown = Trust.load(settings.trust_file).lives[old].revoked, trust.lives[old].revoked
    assert missing.status_code == 404
    assert ring.content == made.store.ring().dump()
    assert stored is not None
    assert shown is not None
    assert len(stored.sizes) >= 2
    assert shown.sizes == {heads.read(note).origin: heads.read(note).size}
