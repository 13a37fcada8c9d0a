"""A bundle of a ledger that goes on after a restore holds, and says that it does not go on where the last one ended."""

# A1 A3 A4

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import stamping_authority
from lading import ids
from lading.db.database import Database
from lading.ledger import epochs, instance, store, tiles
from lading.ledger import keys as signing
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.integrator import integrate
from lading.ledger.marks import INSTANCE_LOG, Mark, Marks
from lading.tenants.model import Role
from lading.upkeep import stamping
from lading_verify import layout, replay, trust
from lading_verify.__main__ import main
from lading_verify.check import verify
from serving import World
from works import PERIOD, Works, contents

pytestmark = pytest.mark.anyio


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


async def bundled(works: Works, path: Path, **fields: Any) -> dict[str, Any]:
    """Make a bundle, keep it at `path` and return what the API says of it."""
    await works.integrate()
    answer = await works.world.ask("POST", "/api/v1/bundles", role=Role.AUDITOR, json=fields)
    assert answer.status_code == 202, answer.text
    await works.work()
    asked = f"/api/v1/bundles/{answer.json()['id']}"
    bundle = (await works.world.ask("GET", asked, role=Role.AUDITOR)).json()
    assert bundle["status"] == "completed", bundle["error"]
    content = (await works.world.ask("GET", bundle["file"]["href"], role=Role.AUDITOR)).content
    await asyncio.to_thread(path.write_bytes, content)
    return bundle


async def restored(works: Works, folder: Path) -> None:
    """Let the database be an older one than the marks remember, and adopt that."""
    services = works.world.services
    settings, database, marks = services.settings, services.database, Marks(folder / "marks")
    tenant = works.world.organisations["nordlys"].id
    signer = signing.load_or_create(settings.keys_dir, settings.instance).log
    await works.integrate()
    await instance.append(database, signer, origin_prefix=settings.instance, seconds=0)
    async with database.tenant(tenant) as tx:
        head = await store.head(tx)
    assert head is not None
    marks.note({tenant: Mark(1, head.size + 5, bytes(32)), INSTANCE_LOG: Mark(1, 9, bytes(32))})
    found = await epochs.adopt(
        database, signer, marks, origin_prefix=settings.instance, reason="disk lost", ticket="OPS-7"
    )
    assert {each.tree for each in found} == {tenant, INSTANCE_LOG}
    await works.integrate()
    await instance.append(database, signer, origin_prefix=settings.instance, seconds=0)


async def test_a_bundle_of_the_second_epoch_holds_and_does_not_follow_one_of_the_first(
    works: Works, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three = (tmp_path / f"{name}.zip" for name in ("one", "two", "three"))
    done = await works.made()
    before = await bundled(works, one)
    waiting = await works.ask(profile="activities", period=PERIOD)  # begun before, ended after
    await restored(works, tmp_path)
    await works.work()
    assert (await works.get(waiting["id"]))["status"] == "completed"

    second = await bundled(works, two, since="previous")
    await works.world.ask("DELETE", f"/api/v1/exports/{done['id']}")  # which the new tree tells nothing else of
    third = await bundled(works, three, since="previous")

    trusted = works.world.services.settings.trust_file
    believed = trust.load(trusted)
    report = verify(two, believed)
    lines = [json.loads(line) for line in contents(two.read_bytes())[layout.HISTORY].splitlines()]
    assert (report.is_pinned, report.manifest.start, report.manifest.end) == (True, 0, len(lines))
    assert report.manifest.origin == f"{verify(one, believed).manifest.origin}/e2"
    assert lines[0]["type"] == "ledger.epoch_opened"
    assert second["start"] > before["end"]  # places count on behind what was lost
    assert lines[0]["data"]["known_size"] == second["start"]
    assert replay.replay(two).matches
    assert replay.replay(two, at=1).entries == 1
    assert verify(three, believed, previous=two).previous == report.manifest.identifier
    assert third["start"] == second["end"]

    assert main([str(two), "--trust", str(trusted), "--previous", str(one)]) == 12
    assert "epoch" in capsys.readouterr().err
    assert main([str(one), "--trust", str(trusted), "--previous", str(two)]) == 12


async def test_a_stamped_bundle_is_proved_by_the_log_of_the_instance_before_a_restore_and_after(
    works: Works, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    services = works.world.services
    settings = services.settings
    signer = signing.load_or_create(settings.keys_dir, settings.instance).log
    await works.made()
    await works.integrate()
    await instance.append(services.database, signer, origin_prefix=settings.instance, seconds=0)
    folder = tmp_path / "tsa"
    folder.mkdir()

    with stamping_authority.running(folder) as authority:
        stamped = replace(
            settings, timestamp_url=authority.url, timestamp_roots=str(authority.roots), allowed_networks="127.0.0.0/8"
        )
        for name, origin in (("one", "/instance@"), ("two", "/instance/e2@")):
            assert await stamping.stamp(services.database, stamped)
            path = tmp_path / f"{name}.zip"
            await bundled(works, path, until="logged")
            given = [str(path), "--trust", str(settings.trust_file), "--tsa", str(authority.roots)]
            assert main(given) == 0, capsys.readouterr()
            told = capsys.readouterr().out
            assert origin in told
            assert "the time stamp over proof/instance.checkpoint, by OpenSSL" in told
            if name == "one":
                await restored(works, tmp_path)


async def test_the_second_epoch_of_an_organisation_has_a_name_of_its_own_whatever_that_is_called(
    database: Database, tmp_path: Path
) -> None:
    signer, marks, tenant = signing.Signer.generate("log"), Marks(tmp_path / "marks"), ids.new()
    async with database.connection() as connection:
        await connection.execute("INSERT INTO tenants VALUES (%s, 'e2', 'E2')", (tenant,))
    async with database.tenant(tenant) as tx:
        await store.record(tx, Entry("job.started", "job_1", SYSTEM))
    await integrate(database, signer, origin_prefix="test")

    origins: list[str] = []
    for epoch in (1, 2):
        marks.note({tenant: Mark(epoch, 50 * epoch, bytes(32))})
        await epochs.adopt(database, signer, marks, origin_prefix="test", reason="disk lost")
        async with database.tenant(tenant) as tx:
            origins.append((await tiles.tree(tx)).origin)

    assert origins == ["test/t/e2/e2", "test/t/e2/e3"]
