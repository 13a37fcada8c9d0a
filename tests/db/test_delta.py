"""A delta has exactly what was added, changed or removed since its base, and names the base by its digests."""

# E12, P10, P12, A6

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lading.artifacts.blobs import BlobStore
from lading.exports import profile as profiles
from lading.exports import registry, retention
from lading.exports.types.report_rows import KEY, read
from lading.ledger.entry import SYSTEM
from serving import World
from works import ACTIVITIES, PERIOD, ROWS, Works, contents, document

pytestmark = pytest.mark.anyio
EXPECTED = [("changed", "3"), ("removed", "7"), ("changed", "12"), ("added", "41")]


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


def move(works: Works) -> None:
    """Let rows of the source be added, changed and removed."""
    works.change("UPDATE activity SET kind = 'other; \"kind\"' || chr(10) || 'æ' WHERE id = 3")
    works.change("UPDATE activity SET hours = NULL WHERE id = 12")
    works.change("UPDATE activity SET note = 'not in the profile' WHERE id = 20")
    works.change("DELETE FROM activity WHERE id = 7")
    works.change("INSERT INTO activity (id, kind, held, hours) VALUES (41, 'kind 41', '2025-06-01', 41.5)")


async def delta(works: Works, base: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return await works.made(variant="delta", base=base["id"], format=base["format"], **fields)


async def test_csv_holds_the_changes_as_the_report_writes_rows(works: Works) -> None:  # E12
    base = await works.made(format="csv")
    move(works)

    made = await delta(works, base)
    text = await works.download(made, "activities_2025-01-01_2025-12-31_delta.csv")

    assert text.startswith(b"\xef\xbb\xbfchange;Id;Kind;Hours\r\n")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=";"))[1:]
    assert [tuple(row[:2]) for row in rows] == EXPECTED
    assert rows == [
        ["changed", "3", 'other; "kind"\næ', "0,75"],
        ["removed", "7", "kind 1", "1,75"],
        ["changed", "12", "kind 0", ""],
        ["added", "41", "kind 41", "41,50"],
    ]


async def test_every_format_that_programs_read_says_the_same(works: Works, tmp_path: Path) -> None:  # E12 P9
    bases = {form: await works.made(format=form) for form in ("tsv", "ndjson", "json", "parquet")}
    move(works)
    files = {form: contents(await works.package(await delta(works, base))) for form, base in bases.items()}
    name = "activities_2025-01-01_2025-12-31_delta"

    tsv = list(csv.reader(io.StringIO(files["tsv"][f"{name}.tsv"].decode()), delimiter="\t"))
    lines = [json.loads(line) for line in files["ndjson"][f"{name}.ndjson"].splitlines()]
    whole = document(files["json"][f"{name}.json"])
    path = tmp_path / "delta.parquet"
    path.write_bytes(files["parquet"][f"{name}.parquet"])
    typed = duckdb.sql(f"SELECT change, Id, Kind, Hours FROM '{path}'").fetchall()

    assert [tuple(row[:2]) for row in tsv[1:]] == EXPECTED
    assert [(row["change"], str(row["Id"])) for row in lines] == EXPECTED
    assert whole["rows"] == lines
    assert (whole["variant"], whole["row_count"]) == ("delta", 4)
    assert [(row[0], str(row[1])) for row in typed] == EXPECTED
    assert [None if row[3] is None else float(row[3]) for row in typed] == [0.75, 1.75, None, 41.5]


async def test_the_manifest_names_the_base_and_its_digests(works: Works) -> None:  # E12
    base = await works.made()
    move(works)

    made = await delta(works, base)
    package = await works.package(made)
    parameters = works.verified(package).manifest["parameters"]

    digests = {item["name"]: item["sha256"] for item in base["artifacts"]}
    assert parameters["variant"] == "delta"
    assert parameters["base"] == {
        "export": base["id"],
        "revision": 1,
        "period": PERIOD,
        "package_sha256": digests["activities_2025-01-01_2025-12-31.zip"],
        "file": {
            "name": "activities_2025-01-01_2025-12-31.csv",
            "sha256": digests["activities_2025-01-01_2025-12-31.csv"],
        },
    }
    assert parameters["changes"] == {"added": 1, "changed": 2, "removed": 1, "unchanged": ROWS - 3}
    assert made["selector"] == {"variant": "delta", "base": base["id"]}
    history = (await works.world.ask("GET", f"/api/v1/exports/{made['id']}/history")).json()["items"]
    completed = next(each for each in history if each["type"] == "export.completed")
    assert completed["data"]["changes"] == parameters["changes"]
    assert "activities_2025-01-01_2025-12-31_delta.csv" in contents(package)


async def test_the_same_data_and_base_give_the_same_package_twice(works: Works) -> None:  # E12
    for form in ("csv", "ndjson", "json", "parquet"):
        base = await works.made(format=form)
        move(works)

        first, again = await delta(works, base), await delta(works, base)

        assert await works.package(first) == await works.package(again)
        works.change("DELETE FROM activity WHERE id = 41")
        works.change("INSERT INTO activity (id, kind, held, hours) VALUES (7, 'kind 1', '2025-02-08', 1.75)")


async def test_where_nothing_changed_there_is_a_heading_and_no_row(works: Works) -> None:  # P13
    base = await works.made()

    made = await delta(works, base)

    assert await works.download(made, made["artifacts"][1]["name"]) == b"\xef\xbb\xbfchange;Id;Kind;Hours\r\n"
    assert made["warnings"] == []


async def test_without_the_key_among_the_columns_a_change_is_one_out_and_one_in(works: Works) -> None:  # E12
    columns = [
        {"name": "Kind", "from": "kind", "type": "string"},
        {"name": "change", "from": "hours", "type": "decimal"},
    ]
    totals = {"label": "TOTALT", "label_column": "Kind", "columns": {"change": "sum"}}
    loose = {**ACTIVITIES, "profile": "loose", "columns": columns, "totals": totals}
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await registry.put(tx, loose, actor=SYSTEM, activate=True)
    works.change("UPDATE activity SET kind = 'same', hours = 1 WHERE id < 10")
    base = await works.made(profile="loose", period=PERIOD)
    works.change("DELETE FROM activity WHERE id = 4")
    works.change("UPDATE activity SET hours = 2 WHERE id = 30")

    made = await delta(works, base, profile="loose", period=PERIOD)
    text = await works.download(made, made["artifacts"][1]["name"])

    assert text.decode("utf-8-sig").splitlines() == [
        "lading_change;Kind;change",
        "added;kind 0;2,00",
        "removed;kind 0;7,50",
        "removed;same;1,00",
    ]
    assert [each["code"] for each in made["warnings"]] == ["delta_without_key"]


@pytest.mark.parametrize(
    ("form", "place", "text", "keys"),
    [
        ("csv", 1, "\ufeffKind\r\na\r\n\r\nb\r\n", ["a", "", "b"]),
        ("ndjson", 2, '{"Hours":12345678901234567.01}\n', ["12345678901234567.01"]),
    ],
)
def test_no_row_and_no_digit_is_lost_when_a_report_is_read(
    tmp_path: Path, form: str, place: int, text: str, keys: list[str]
) -> None:
    column = ACTIVITIES["columns"][place]
    path = tmp_path / "report"
    path.write_bytes(text.encode())

    batches = read(path, form, profiles.parse({**ACTIVITIES, "columns": [column]}), [column["name"]])

    assert [each for batch in batches for each in batch.column(KEY).to_pylist()] == keys


async def test_a_base_that_is_gone_is_refused(works: Works) -> None:  # E12
    deleted, expired, failed = await works.made(), await works.made(), await works.made(format="ndjson")
    await works.world.ask("DELETE", f"/api/v1/exports/{deleted['id']}")
    await works.age(expired["id"])
    services = works.world.services
    await retention.expire(services.database, BlobStore(services.settings.blobs_dir))
    waiting = await works.ask(profile="activities", period=PERIOD)

    for base, words in ((deleted, "gone (deleted)"), (expired, "gone (expired)"), (waiting, "is pending")):
        asked = {"profile": "activities", "period": PERIOD, "variant": "delta", "base": base["id"]}
        status, problem = await works.refused(**asked)

        assert (status, problem["code"]) == (409, "conflict")
        assert words in problem["detail"]
    assert failed["status"] == "completed"


async def test_a_base_that_went_while_the_delta_waited_fails_it_in_words(works: Works) -> None:  # E8
    base = await works.made()
    asked = await works.ask(profile="activities", period=PERIOD, variant="delta", base=base["id"])
    kept = await works.world.ask("DELETE", f"/api/v1/exports/{base['id']}")
    for path in works.world.services.settings.blobs_dir.rglob("*"):
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == base["artifacts"][1]["sha256"]:
            path.unlink()

    await works.work()
    made = await works.get(asked["id"])

    assert kept.status_code == 409
    assert (made["status"], made["error"]["code"]) == ("failed", "base-gone")
    assert base["id"] in made["error"]["message"]


async def test_removed_rows_never_show_what_a_later_revision_masks(works: Works) -> None:  # A7
    base = await works.made()
    first, kind, last = ACTIVITIES["columns"]
    columns = [first, {**kind, "mask": {"kind": "redact"}}, last]
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await registry.put(tx, {**ACTIVITIES, "columns": columns}, actor=SYSTEM, activate=True)
    works.change("DELETE FROM activity WHERE id = 7")

    status, problem = await works.refused(profile="activities", period=PERIOD, variant="delta", base=base["id"])

    assert (status, problem["errors"][0]["pointer"]) == (422, "/base")
    assert "masks" in problem["detail"]


async def test_what_does_not_fit_is_named(works: Works) -> None:  # E1 A6
    base, theirs = await works.made(), await works.made("fjord")
    whole = {"profile": "activities", "period": PERIOD, "variant": "delta"}
    once = await delta(works, base)
    changed = {**ACTIVITIES, "columns": ACTIVITIES["columns"][:2]}
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        revision = (await registry.put(tx, changed, actor=SYSTEM)).revision

    for fields, status, pointer in [
        ({}, 422, "/base"),
        ({"base": "exp_1"}, 422, "/base"),
        ({"base": base["id"], "variant": "half"}, 422, "/variant"),
        ({"base": base["id"], "variant": "full"}, 422, "/base"),
        ({"base": base["id"], "variant": None}, 422, "/base"),
        ({"base": base["id"], "format": "ndjson"}, 422, "/format"),
        ({"base": base["id"], "format": "xlsx"}, 422, "/format"),
        ({"base": base["id"], "profile": "bufdir"}, 422, "/base"),
        ({"base": base["id"], "revision": revision}, 422, "/base"),
        ({"base": once["id"]}, 422, "/base"),
        ({"base": theirs["id"]}, 404, None),
    ]:
        got, problem = await works.refused(**{**whole, **fields})

        assert got == status, problem
        assert pointer is None or problem["errors"][0]["pointer"] == pointer


async def choosy(works: Works) -> None:
    """Let the profile have a parameter that chooses rows."""
    query = ACTIVITIES["source"]["query"] + " AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s::text[]))"
    parameters = {"kinds": {"type": "string_list", "values": ["kind 0", "kind 1", "kind 2"]}}
    profile = {**ACTIVITIES, "source": {**ACTIVITIES["source"], "query": query}, "parameters": parameters}
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await registry.put(tx, profile, actor=SYSTEM, activate=True)


async def test_a_base_of_other_parameters_is_refused_by_their_name(works: Works) -> None:  # E12
    await choosy(works)
    every, some = await works.made(), await works.made(parameters={"kinds": ["kind 1"]})
    asked = {"profile": "activities", "period": PERIOD, "variant": "delta"}

    for base, parameters in ((every, {"kinds": ["kind 1"]}), (some, {}), (some, {"kinds": ["kind 2"]})):
        status, problem = await works.refused(**asked, base=base["id"], parameters=parameters)

        assert (status, problem["errors"][0]["pointer"]) == (422, "/parameters/kinds")
    assert (await delta(works, some, parameters={"kinds": ["kind 1"]}))["status"] == "completed"


async def test_a_base_of_another_period_is_named(works: Works) -> None:  # E12
    base = await works.made(period={"from": "2025-01-01", "to": "2025-02-28"})

    made = await delta(works, base)

    assert [each["code"] for each in made["warnings"]] == ["delta_of_another_period"]


async def test_rows_that_did_not_change_are_not_counted_as_written(works: Works) -> None:  # E12, P12
    base = await works.made()
    move(works)

    made = await delta(works, base)
    manifest = works.verified(await works.package(made)).manifest

    assert made["rows"] == {"read": ROWS, "written": 3, "quarantined": 0, "duplicate": 0, "filtered": ROWS - 3}
    assert manifest["rows"] == made["rows"]


async def test_what_the_base_left_out_is_told(works: Works) -> None:  # E12, P7
    first, kind, hours = ACTIVITIES["columns"]
    strict = {**ACTIVITIES, "columns": [first, kind, {**hours, "required": True}]}
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await registry.put(tx, strict, actor=SYSTEM, activate=True)
    works.change("UPDATE activity SET hours = NULL WHERE id IN (3, 4)")
    base = await works.made()
    works.change("UPDATE activity SET hours = 1 WHERE id IN (3, 4)")

    made = await delta(works, base)
    manifest = works.verified(await works.package(made)).manifest

    assert base["rows"]["quarantined"] == 2
    assert manifest["parameters"]["base"]["warnings"]["rows_quarantined"] == 2
    assert [(each["code"], each["count"]) for each in made["warnings"]] == [("delta_base_without_bad_rows", 2)]
