"""An evidence pack holds what it names, proves it without us, and never leaves out what is gone."""

# E1, E9, E12, P12, A6

from __future__ import annotations

import hashlib
import json
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from anyio import to_thread

from lading.artifacts.blobs import BlobStore
from lading.exports import retention
from lading.exports.types import packing
from lading.ledger import heads, keys
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.store import record
from lading.worker import execute
from lading.worker.execute import Attempt
from lading_verify.merkle import leaf_hash, root_of_path
from pdftext import pdf_text
from serving import World
from works import PERIOD, Works, contents, document

pytestmark = pytest.mark.anyio


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


async def test_it_holds_the_files_byte_for_byte_and_lists_their_digests(works: Works) -> None:  # E9
    one, two = await works.made(), await works.made(format="ndjson")
    packages = {each["id"]: await works.package(each) for each in (one, two)}

    pack = await works.made(type="evidence_pack", exports=[one["id"], two["id"]])
    files = contents(await works.package(pack))

    index = document(files["evidence.json"])
    assert [each["id"] for each in index["exports"]] == sorted(packages)
    for each in index["exports"]:
        for file in each["files"]:
            assert hashlib.sha256(files[file["file"]]).hexdigest() == file["sha256"]
        zipped = next(file for file in each["files"] if file["media_type"] == "application/zip")
        assert files[zipped["file"]] == packages[each["id"]]
        inner = contents(packages[each["id"]])
        assert files[f"exports/{each['id']}/manifest.json"] == inner["manifest.json"]
        assert files[f"exports/{each['id']}/statement.dsse.json"] == inner["statement.dsse.json"]
    assert pack["selector"]["exports"] == sorted(packages)


async def test_it_is_verified_like_any_package_and_by_unzip(works: Works, tmp_path: Path) -> None:  # E9 A3
    one = await works.made()
    package = await works.package(await works.made(type="evidence_pack", exports=[one["id"]]))
    path = tmp_path / "pack.zip"
    path.write_bytes(package)

    report = works.verified(package)
    tested = await to_thread.run_sync(lambda: subprocess.run(["unzip", "-tqq", str(path)], check=False))

    assert report.is_pinned
    assert report.manifest["profile"]["type"] == "evidence_pack"
    assert report.manifest["parameters"]["exports"] == [one["id"]]
    assert tested.returncode == 0


async def test_every_line_of_the_extract_leads_to_the_signed_root(works: Works) -> None:  # A1
    one = await works.made()
    files = contents(await works.package(await works.made(type="evidence_pack", exports=[one["id"]])))
    settings = works.world.services.settings
    trust = keys.load_or_create(settings.keys_dir, settings.instance).trust

    lines, proofs = files["ledger.ndjson"].splitlines(), document(files["proofs.json"])
    head = heads.verify(proofs["head"]["note"], trust)

    assert json.loads(lines[0])["type"] == "export.created"
    assert "export.completed" in [json.loads(line)["type"] for line in lines]
    told = [json.loads(line) for line in lines]
    [job] = {each["subject"] for each in told} - {one["id"]}
    assert job == told[0]["data"]["job"]
    assert {"job.enqueued", "job.started", "job.completed"} <= {each["type"] for each in told if each["subject"] == job}
    assert len(lines) == len(proofs["entries"])
    for line, proof in zip(lines, proofs["entries"], strict=True):
        path = [bytes.fromhex(step) for step in proof["path"]]
        assert root_of_path(leaf_hash(line), proof["index"], head.size, path) == head.root
        assert root_of_path(leaf_hash(line + b" "), proof["index"], head.size, path) != head.root


async def test_its_proofs_outlive_the_pruning_of_what_came_before(works: Works) -> None:  # A1 E9
    database, tenant = works.world.services.database, works.world.organisations["nordlys"].id
    async with database.tenant(tenant) as tx:
        await record(tx, *(Entry("job.started", "job_old", SYSTEM, {"n": n}) for n in range(600)))
    await works.integrate()
    one = await works.made()
    async with database.ledger() as tx:
        await tx.connection.execute("UPDATE ledger_trees SET min_index = 512 WHERE tenant_id = %s", (tenant,))
        await tx.connection.execute("DELETE FROM ledger_entries WHERE tenant_id = %s AND index < 512", (tenant,))

    files = contents(await works.package(await works.made(type="evidence_pack", exports=[one["id"]])))

    lines, proofs = files["ledger.ndjson"].splitlines(), document(files["proofs.json"])
    head = heads.read(proofs["head"]["note"])
    for line, proof in zip(lines, proofs["entries"], strict=True):
        path = [bytes.fromhex(step) for step in proof["path"]]
        assert root_of_path(leaf_hash(line), proof["index"], head.size, path) == head.root


async def test_it_says_of_which_exports_the_ledger_was_pruned(works: Works, tmp_path: Path) -> None:  # A1 E9
    database, tenant = works.world.services.database, works.world.organisations["nordlys"].id
    old = await works.made()
    async with database.tenant(tenant) as tx:
        await record(tx, *(Entry("job.started", "job_old", SYSTEM, {"n": n}) for n in range(600)))
    await works.integrate()
    new = await works.made(format="ndjson")
    async with database.ledger() as tx:
        await tx.connection.execute("UPDATE ledger_trees SET min_index = 512 WHERE tenant_id = %s", (tenant,))
        await tx.connection.execute("DELETE FROM ledger_entries WHERE tenant_id = %s AND index < 512", (tenant,))

    pack = await works.made(type="evidence_pack", exports=[old["id"], new["id"]])
    files = contents(await works.package(pack))

    index = {each["id"]: each for each in document(files["evidence.json"])["exports"]}
    assert (index[old["id"]]["pruned"], index[old["id"]]["entries"]) == (True, [])
    assert "pruned" not in index[new["id"]]
    assert [each["code"] for each in pack["warnings"]] == ["evidence_pruned"]
    assert "Pruned" in pdf_text(files["cover.pdf"], tmp_path)
    failed = await works.ask(type="evidence_pack", exports=[old["id"]])
    await works.work()
    assert "was pruned" in (await works.get(failed["id"]))["error"]["message"]


async def test_the_cover_says_what_is_inside_in_words_a_person_reads(works: Works, tmp_path: Path) -> None:  # E9
    one = await works.made()
    pack = await works.made(type="evidence_pack", exports=[one["id"]])
    cover = await works.download(pack, "cover.pdf")

    text = pdf_text(cover, tmp_path)

    assert "Evidence pack" in text
    assert one["id"] in text
    assert one["artifacts"][0]["sha256"] in text
    assert pack["selector"]["as_of"][:10] in text
    assert "Asked by" in text
    assert "key_" in text
    assert contents(await works.package(pack))["cover.pdf"] == cover


async def test_what_is_gone_is_named_with_its_tombstone(works: Works, tmp_path: Path) -> None:  # E9 E6
    kept, deleted, expired = await works.made(), await works.made(format="ndjson"), await works.made(format="tsv")
    await works.world.ask("DELETE", f"/api/v1/exports/{deleted['id']}")
    await works.age(expired["id"])
    services = works.world.services
    await retention.expire(services.database, BlobStore(services.settings.blobs_dir))

    pack = await works.made(type="evidence_pack", profile="activities", period=PERIOD)
    files = contents(await works.package(pack))
    index = {each["id"]: each for each in document(files["evidence.json"])["exports"]}

    assert set(index) == {kept["id"], deleted["id"], expired["id"]}
    assert index[kept["id"]]["missing"] == []
    for one, state, event in ((deleted, "deleted", "export.deleted"), (expired, "expired", "export.expired")):
        [missing] = index[one["id"]]["missing"]
        assert (index[one["id"]]["state"], missing["reason"], index[one["id"]]["files"]) == (state, state, [])
        assert missing["sha256"] == one["artifacts"][0]["sha256"]
        assert missing["tombstone"]["type"] == event
    assert [each["code"] for each in pack["warnings"]] == ["evidence_missing"]
    assert "Missing" in pdf_text(files["cover.pdf"], tmp_path)
    assert pack["rows"] == {"read": 3, "written": 1, "quarantined": 0, "duplicate": 0, "filtered": 2}


async def test_a_file_that_storage_lost_is_named_too(works: Works) -> None:  # E9
    one = await works.made()
    blobs = BlobStore(works.world.services.settings.blobs_dir)
    for path in [each for each in (blobs.root / "objects").rglob("*") if each.is_file()]:
        path.write_bytes(b"not what it was")

    pack = await works.made(type="evidence_pack", exports=[one["id"]])
    index = document(contents(await works.package(pack))["evidence.json"])

    assert {each["reason"] for each in index["exports"][0]["missing"]} == {"not-whole"}
    assert index["exports"][0]["files"] == []


async def test_the_same_selection_as_of_the_same_instant_is_the_same_package(works: Works) -> None:  # E12 P12
    one = await works.made()
    first = await works.made(type="evidence_pack", exports=[one["id"]])
    again = await works.made(type="evidence_pack", exports=[one["id"], one["id"]], as_of=first["selector"]["as_of"])

    assert await works.package(first) == await works.package(again)


async def test_an_export_of_another_organisation_is_as_unknown_as_one_that_never_was(works: Works) -> None:  # A6
    theirs = await works.made("fjord")
    nowhere = theirs["id"][:-4] + "0000"

    for wanted in (theirs["id"], nowhere):
        status, problem = await works.refused(type="evidence_pack", exports=[wanted])

        assert (status, problem["code"]) == (404, "not-found")
        assert wanted in problem["detail"]
        assert "in this organisation" in problem["detail"]
    assert (await works.world.ask("GET", "/api/v1/exports")).json()["items"] == []


async def test_an_export_that_still_runs_is_waited_for(works: Works) -> None:
    waiting = await works.ask(profile="activities", period=PERIOD)

    status, problem = await works.refused(type="evidence_pack", exports=[waiting["id"]])

    assert (status, problem["code"]) == (409, "conflict")
    assert "when it has ended" in problem["detail"]


async def test_files_of_an_export_that_ended_later_are_not_in_it(works: Works) -> None:  # P12
    one = await works.made()

    status, problem = await works.refused(type="evidence_pack", exports=[one["id"]], as_of=one["created_at"])

    assert (status, problem["errors"][0]["pointer"]) == (422, "/as_of")


async def test_a_field_that_can_not_be_is_named(works: Works) -> None:  # E1
    for fields, pointer in [
        ({"type": "evidence_pack"}, "/exports"),
        ({"type": "evidence_pack", "exports": ["exp_1"]}, "/exports/0"),
        ({"type": "evidence_pack", "profile": "activities"}, "/profile"),
        ({"type": "evidence_pack", "period": {"from": "2025-01-01"}}, "/period/to"),
        ({"type": "evidence_pack", "exports": ["exp_1"], "tables": ["a"]}, "/tables"),
        ({"type": "evidence_pack", "exports": ["exp_1"], "as_of": "soon"}, "/as_of"),
        ({"type": "evidence_pack", "exports": ["exp_1"], "as_of": "2999-01-01T00:00:00Z"}, "/as_of"),
        ({"type": "evidence_pack", "exports": ["exp_1"], "colour": "red"}, "/colour"),
        ({"type": "evidence"}, "/type"),
        ({"type": "evidence", "profile": "activities", "period": PERIOD}, "/type"),
        ({"profile": "activities", "period": PERIOD, "exports": ["exp_1"]}, "/exports"),
        ({"profile": "activities"}, "/period"),
        ({"period": PERIOD}, "/profile"),
    ]:
        status, problem = await works.refused(**fields)

        assert (status, pointer) == (422, problem["errors"][0]["pointer"])


async def test_files_that_an_attempt_linked_are_listed_again_when_they_are_gone(works: Works) -> None:  # P2, E9
    one = await works.made()
    asked = await works.ask(type="evidence_pack", exports=[one["id"]])
    await works.integrate()
    [claimed] = await works.world.claim()
    begun = await execute.begin(works.world.services.database, claimed)
    assert begun is not None
    job, fence = begun
    attempt = Attempt(fence, send=lambda _: setattr(attempt, "is_draining", True))  # when the first stage begins
    outcome = await execute.run({job.kind: works.handler()}, job, attempt)
    await execute.settle(works.world.services.database, works.world.services.endings, fence, outcome, kind=job.kind)
    blobs = BlobStore(works.world.services.settings.blobs_dir)
    linked = [path for path in blobs.root.rglob("content/*") if path.is_file()]
    for path in linked:
        path.unlink()

    await works.work()
    pack = await works.get(asked["id"])

    assert len(linked) == len(one["artifacts"])
    assert (pack["status"], pack["warnings"]) == ("completed", [])


async def test_what_is_held_of_a_long_history_is_little(works: Works) -> None:  # P10
    one = await works.made()
    count, per_entry = 20_000, 1500
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        for _ in range(0, count, 1000):
            await record(tx, *[Entry("export.downloaded", one["id"], SYSTEM, {"name": "x" * 200})] * 1000)
    asked = await works.ask(type="evidence_pack", exports=[one["id"]])
    await works.integrate()
    tracemalloc.start()
    try:
        await works.work()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    files = contents(await works.package(await works.get(asked["id"])))
    assert files["ledger.ndjson"].count(b"\n") > count
    assert len(document(files["proofs.json"])["entries"]) > count
    assert files["proofs.json"] == packing.pretty(document(files["proofs.json"]))
    assert peak < count * per_entry


async def test_a_pack_that_is_held_outlives_its_retention_and_what_it_was_made_of(works: Works) -> None:  # E6 E9
    one = await works.made()
    pack = await works.made(type="evidence_pack", exports=[one["id"]])
    held = await works.world.ask("POST", "/api/v1/holds", json={"export": pack["id"], "reason": "a case"})
    services = works.world.services

    await works.age(pack["id"])
    await retention.expire(services.database, BlobStore(services.settings.blobs_dir))
    deleted = await works.world.ask("DELETE", f"/api/v1/exports/{one['id']}")
    refused = await works.world.ask("DELETE", f"/api/v1/exports/{pack['id']}")
    package = await works.package(await works.get(pack["id"]))

    assert (held.status_code, deleted.status_code, refused.status_code) == (201, 204, 409)
    assert works.verified(package).is_pinned
    assert any(one["id"] in name and name.endswith(".zip") for name in contents(package))


async def test_the_cover_tells_how_to_check_it(works: Works, tmp_path: Path) -> None:  # E9
    one = await works.made()
    pack = await works.made(type="evidence_pack", exports=[one["id"]])

    text = pdf_text(await works.download(pack, "cover.pdf"), tmp_path)

    assert "How to check it" in text
    for tool in ("sha256sum", "lading verify", "statement.dsse.json", "proofs.json"):
        assert tool in text
