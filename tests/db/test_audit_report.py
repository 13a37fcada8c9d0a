"""An audit report tells what the ledger has of a period: complete, readable, proved, the same whenever it is made."""

# E1, E9, E12, P12, A6

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lading.exports.types.tally import Tally
from lading.ledger import heads, keys
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.store import record
from lading.tenants.model import Role
from pdftext import pages_of, pdf_text, tags_of
from serving import World
from works import Works, contents, document

pytestmark = pytest.mark.anyio
PERIOD = {"from": "2025-01-01", "to": "2034-12-31"}
BEFORE = {"from": "2001-01-01", "to": "2001-12-31"}


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


async def lived(works: Works) -> dict[str, Any]:
    """Let something of everything happen; return the export that was completed and fetched."""
    made = await works.made()
    await works.package(made)
    works.change("ALTER TABLE activity RENAME TO gone")
    await works.made(profile="bufdir", period={"from": "2024-01-01", "to": "2024-12-31"}, type="activity_report")
    works.change("ALTER TABLE gone RENAME TO activity")
    await works.world.ask("POST", "/api/v1/exports", role=Role.VIEWER, json={})
    await works.world.ask("DELETE", f"/api/v1/exports/{made['id']}")
    pause = {"scope": "kind", "target": "noop", "reason": "Ann is on leave", "ticket": "OPS-7"}
    assert (await works.world.ask("POST", "/api/v1/pauses", json=pause)).status_code < 300
    await works.integrate()
    return made


async def report(works: Works, **fields: Any) -> dict[str, Any]:
    return await works.made(type="audit_report", **{"period": PERIOD, **fields})


async def test_it_counts_what_happened(works: Works) -> None:  # E9
    await lived(works)

    files = contents(await works.package(await report(works)))
    summary = document(files["summary.json"])

    assert summary["by_profile"]["activities"]["deleted"] == 1
    assert summary["by_profile"]["bufdir"]["failed"] == 1
    assert summary["failures"] == {"source-refused": 1}
    assert {name: summary["counts"][name] for name in ("refusals", "downloads", "dead_letters")} == {
        "refusals": 1,
        "downloads": 1,
        "dead_letters": 1,
    }
    assert summary["counts"]["actions"] >= 2
    assert "Ann" not in str(files)


async def test_who_sent_a_package_on_is_among_the_actions() -> None:  # E9
    tally = Tally()
    for kind in ("worker", "key"):
        actor = {"kind": kind, "id": f"{kind}_1"}
        data = {"destination": "archive", "job": "job_1", "reason": "given"}
        at = "2026-01-31T12:00:00.000000Z"
        tally.add(7, {"type": "delivery.requested", "subject": "exp_1", "at": at, "actor": actor, "data": data})

    assert [row[1:2] + row[3:5] for row in tally.actions.rows] == [["key_1", "exp_1", "given"]]


async def test_the_data_behind_it_is_complete_and_other_tools_read_it(works: Works, tmp_path: Path) -> None:  # E9
    made = await lived(works)
    files = contents(await works.package(await report(works)))
    (tmp_path / "entries.ndjson").write_bytes(files["entries.ndjson"])

    events = list(csv.DictReader(io.StringIO(files["events.csv"].decode())))
    exports = {row["export"]: row for row in csv.DictReader(io.StringIO(files["exports.csv"].decode()))}
    [(entries,)] = duckdb.sql(f"SELECT count(*) FROM read_json('{tmp_path}/entries.ndjson')").fetchall()

    assert entries == len(events) == document(files["summary.json"])["entries"]
    assert [int(row["index"]) for row in events] == list(range(entries))
    assert exports[made["id"]]["state"] == "deleted"
    assert exports[made["id"]]["downloads"] == "1"
    [paused] = [row for row in events if row["type"] == "pause.set"]
    assert (paused["reason"], paused["ticket"]) == ("given", "OPS-7")


async def test_no_cell_becomes_a_formula_however_it_is_hidden(works: Works) -> None:  # P9
    tickets = ["=1+1", "\t=1+1", "  @A1", "\u200b=1", "\uff1d1", "-12,5"]
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        for ticket in tickets:
            await record(tx, Entry("pause.set", "pause_1", SYSTEM, {"ticket": ticket}))
    await works.integrate()

    files = contents(await works.package(await report(works)))
    events = list(csv.DictReader(io.StringIO(files["events.csv"].decode(), newline="")))

    told = [row["ticket"] for row in events if row["type"] == "pause.set"]
    assert told == [*(f"'{ticket}" for ticket in tickets[:-1]), "-12,5"]


async def test_its_head_is_signed_and_covers_the_last_entry(works: Works) -> None:  # A1
    await lived(works)
    settings = works.world.services.settings
    trust = keys.load_or_create(settings.keys_dir, settings.instance).trust

    ledger = document(contents(await works.package(await report(works)))["summary.json"])["ledger"]

    head = heads.verify(ledger["note"], trust)
    assert head.root.hex() == ledger["root_sha256"]
    assert head.size > ledger["last_entry"]
    assert ledger["verified"]


async def test_a_person_reads_it_and_so_does_a_machine_that_reads_aloud(works: Works, tmp_path: Path) -> None:  # E9
    made = await lived(works)
    pdf = await works.download(await report(works), "audit_report.pdf")

    text = pdf_text(pdf, tmp_path)

    for words in ("Audit report", "nordlys", "Operator actions", "OPS-7", made["id"], "source-refused", "Page 1 of"):
        assert words in text
    assert pages_of(pdf, tmp_path) >= 2
    assert tags_of(pdf, tmp_path)


async def test_a_period_without_anything_says_so(works: Works, tmp_path: Path) -> None:  # P13
    made = await report(works, period=BEFORE)
    files = contents(await works.package(made))

    summary = document(files["summary.json"])
    assert (summary["entries"], summary["ledger"]) == (0, None)
    assert files["entries.ndjson"] == b""
    text = pdf_text(files["audit_report.pdf"], tmp_path)
    assert text.count("None in this period.") >= 6
    assert "no entry by the end of the period" in text


async def test_the_same_period_as_of_the_same_instant_is_the_same_package(works: Works) -> None:  # E12 P12
    await lived(works)
    first = await report(works)
    await works.made()

    again = await report(works, as_of=first["selector"]["as_of"])

    assert await works.package(first) == await works.package(again)


async def test_it_knows_nothing_of_another_organisation(works: Works) -> None:  # A6
    made = await lived(works)

    files = contents(await works.package(await works.made("fjord", type="audit_report", period=PERIOD), "fjord"))

    assert made["id"].encode() not in b"".join(files.values())
    assert {json.loads(line)["tenant"] for line in files["entries.ndjson"].splitlines()} == {
        json.loads(files["entries.ndjson"].splitlines()[0])["tenant"]
    }
    assert works.world.organisations["nordlys"].id.hex not in str(files)


async def test_a_field_that_can_not_be_is_named(works: Works) -> None:  # E1
    for fields, pointer in [
        ({}, "/period/from"),
        ({"period": {"from": "2999-01-01", "to": "2999-12-31"}}, "/period"),
        ({"period": PERIOD, "format": "xlsx"}, "/format"),
        ({"period": PERIOD, "profile": "activities"}, "/profile"),
        ({"period": PERIOD, "as_of": "yesterday"}, "/as_of"),
        ({"period": PERIOD, "as_of": "0001-01-01T00:00:00Z"}, "/as_of"),
        ({"period": PERIOD, "as_of": "0001-01-01T00:00:00+14:00"}, "/as_of"),
    ]:
        status, problem = await works.refused(type="audit_report", **fields)

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)
