"""A snapshot is one instant of a source, whole, with its schema, and the same bytes for the same rows."""

# E1, E9, E12, P12, A6

from __future__ import annotations

import csv
import io
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lading.exports import registry
from lading.ledger.entry import SYSTEM
from lading.sources import store as sources
from lading.tenants.model import Role
from serving import World
from works import ACTIVITIES, PERIOD, ROWS, Works, contents, document

pytestmark = pytest.mark.anyio
TABLES = {"type": "snapshot", "source": "activities", "tables": ["activity", "public.place"]}


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    made = Works(world, database_url, tmp_path)
    await made.ready()
    made.change("CREATE TABLE place (region text, number int, name varchar(20), PRIMARY KEY (region, number))")
    made.change("INSERT INTO place VALUES ('vest', 2, 'Bergen'), ('vest', 10, ''), ('øst', 1, NULL)")
    return made


async def snapshot(works: Works, **fields: Any) -> dict[str, bytes]:
    return contents(await works.package(await works.made(**{**TABLES, **fields})))


async def test_parquet_has_every_row_and_duckdb_reads_it(works: Works, tmp_path: Path) -> None:  # E9
    files = await snapshot(works)
    for name in ("activity.parquet", "public.place.parquet"):
        (tmp_path / name).write_bytes(files[name])

    found = duckdb.sql(f"SELECT count(*), min(id), max(id), count(note) FROM '{tmp_path}/activity.parquet'").fetchall()
    places = duckdb.sql(f"SELECT region, number, name FROM '{tmp_path}/public.place.parquet'").fetchall()

    assert found == [(ROWS, 1, ROWS, ROWS - ROWS // 4)]
    assert places == [("vest", 2, "Bergen"), ("vest", 10, ""), ("øst", 1, None)]


async def test_the_schema_says_what_each_column_is(works: Works) -> None:  # E9
    schema = document((await snapshot(works))["schema.json"])
    activity, place = schema["tables"]

    assert (schema["source"], schema["kind"], schema["consistency"]) == (
        "activities",
        "postgresql",
        "repeatable-read-snapshot",
    )
    assert (activity["rows"], activity["key"], place["key"]) == (ROWS, ["id"], ["region", "number"])
    columns = {column["name"]: column for column in activity["columns"]}
    assert columns["id"] == {"name": "id", "type": "bigint", "nullable": False, "read_as": None, "stored_as": "int64"}
    assert (columns["hours"]["type"], columns["hours"]["nullable"]) == ("numeric(6,2)", True)
    assert columns["hours"]["read_as"] == "text"
    assert columns["at"]["type"] == "timestamp with time zone"
    assert {column["name"]: column["type"] for column in place["columns"]}["name"] == "character varying(20)"


async def test_csv_tells_null_from_empty_and_holds_no_formula(works: Works) -> None:  # P9
    files = await snapshot(works, format="csv")

    assert files["public.place.csv"].decode().splitlines() == [
        "region,number,name",
        "vest,2,Bergen",
        'vest,10,""',
        "øst,1,",
    ]
    rows = list(csv.DictReader(io.StringIO(files["activity.csv"].decode())))
    assert [row["note"] for row in rows[:4]] == ["'=note 1", "'=note 2", "'=note 3", ""]
    assert rows[0]["at"] == "2025-03-01T11:00:00.000000Z"
    assert [int(row["id"]) for row in rows] == list(range(1, ROWS + 1))


async def test_ndjson_is_a_line_for_each_row(works: Works) -> None:
    files = await snapshot(works, format="ndjson")

    first = document(files["activity.ndjson"].splitlines()[0])
    assert first == {
        "id": 1,
        "kind": "kind 1",
        "held": "2025-02-02",
        "hours": "0.25",
        "note": "=note 1",
        "at": "2025-03-01T11:00:00.000000Z",
    }


async def test_the_same_rows_give_the_same_package_twice(works: Works) -> None:  # E12
    for form in ("parquet", "csv", "ndjson"):
        first, again = [await works.made(**TABLES, format=form, period=PERIOD) for _ in range(2)]

        assert await works.package(first) == await works.package(again)


async def test_the_ledger_knows_which_instant_it_was(works: Works) -> None:  # P12
    made = await works.made(**TABLES)

    history = (await works.world.ask("GET", f"/api/v1/exports/{made['id']}/history")).json()["items"]
    told = next(each for each in history if each["type"] == "export.completed")["data"]["snapshot"]

    assert told["id"].count(":") == 2
    assert told["at"].endswith("Z")
    assert told["id"].encode() not in b"".join(contents(await works.package(made)).values())


async def test_what_a_profile_reads_is_one_table(works: Works) -> None:  # E9
    period = {"from": "2025-02-02", "to": "2025-02-11"}
    files = await snapshot(works, source=None, tables=[], profile="activities", period=period, format="ndjson")
    schema = document(files["schema.json"])

    assert len(files["activities.ndjson"].splitlines()) == 10
    assert (schema["profile"], schema["revision"], schema["tables"][0]["key"]) == ("activities", 1, ["id"])
    assert [column["stored_as"] for column in schema["tables"][0]["columns"]] == ["int64", "string", "string"]


async def test_who_a_profile_encrypts_to_is_who_reads_a_snapshot_of_it(works: Works) -> None:  # E17
    reader = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await registry.put(tx, {**ACTIVITIES, "encrypt_to": [reader]}, actor=SYSTEM, activate=True)

    made = await works.made(type="snapshot", profile="activities", period=PERIOD)

    assert made["encrypt_to"] == [reader]
    assert [each["media_type"] for each in made["artifacts"]] == ["application/x-age-encryption"]


async def test_sqlite_and_duckdb_files_are_read_alike(works: Works, tmp_path: Path) -> None:  # P14
    statements = (
        "CREATE TABLE place (number INTEGER NOT NULL, name VARCHAR, PRIMARY KEY (number))",
        "INSERT INTO place VALUES (2, 'Bergen'), (1, NULL)",
    )
    with sqlite3.connect(tmp_path / "a.sqlite") as one:
        for statement in statements:
            one.execute(statement)
    one.close()
    with duckdb.connect(str(tmp_path / "a.duckdb")) as two:
        for statement in statements:
            two.execute(statement)
    for kind in ("sqlite", "duckdb"):
        async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
            await sources.register(tx, kind, kind=kind, options={"path": str(tmp_path / f"a.{kind}")}, actor=SYSTEM)

        files = await snapshot(works, source=kind, tables=["place"], format="csv")
        schema = document(files["schema.json"])

        assert files["place.csv"].decode().splitlines() == ["number,name", "1,", "2,Bergen"]
        assert schema["consistency"] == "read-transaction"
        assert schema["tables"][0]["key"] == ["number"]
        assert [column["nullable"] for column in schema["tables"][0]["columns"]] == [False, True]


async def test_generated_columns_of_sqlite_are_columns_too(works: Works, tmp_path: Path) -> None:  # P14
    with sqlite3.connect(tmp_path / "b.sqlite") as one:
        one.execute("CREATE TABLE sum (a INTEGER PRIMARY KEY, b INTEGER AS (a * 2), c INTEGER AS (a * 3) STORED)")
        one.execute("INSERT INTO sum (a) VALUES (1)")
    one.close()
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await sources.register(tx, "sums", kind="sqlite", options={"path": str(tmp_path / "b.sqlite")}, actor=SYSTEM)

    files = await snapshot(works, source="sums", tables=["sum"], format="csv")

    assert files["sum.csv"].decode().splitlines() == ["a,b,c", "1,2,3"]
    assert [each["name"] for each in document(files["schema.json"])["tables"][0]["columns"]] == ["a", "b", "c"]


async def test_a_table_without_a_key_or_without_existence_fails_in_words(works: Works) -> None:  # E8
    works.change("CREATE TABLE loose (a int)")

    for table, words in (("loose", "no primary key"), ("nowhere", "no table nowhere")):
        made = await works.made(type="snapshot", source="activities", tables=[table])

        assert (made["status"], made["error"]["code"]) == ("failed", "source-refused")
        assert words in made["error"]["message"]


async def test_only_who_operates_sees_rows_that_no_profile_masks(works: Works) -> None:  # A7
    for role, status in ((Role.REQUESTER, 403), (Role.VIEWER, 403), (Role.OPERATOR, 202)):
        answer = await works.world.ask("POST", "/api/v1/exports", role=role, json=TABLES)

        assert answer.status_code == status


async def test_only_who_operates_gets_its_files_also_in_an_evidence_pack(works: Works) -> None:  # A7
    made = await works.made(**TABLES)
    pack = await works.made(type="evidence_pack", exports=[made["id"]])
    packed = {"type": "evidence_pack", "exports": [pack["id"]]}

    for role, status in ((Role.REQUESTER, 403), (Role.AUDITOR, 403), (Role.OPERATOR, 200)):
        for each in (made, pack):
            name, digest = each["artifacts"][0]["name"], each["artifacts"][0]["sha256"]
            for path in (f"exports/{each['id']}/artifacts/{name}", f"artifacts/{digest}/content"):
                answer = await works.world.ask("GET", f"/api/v1/{path}", role=role)

                assert answer.status_code == status, (role, path)
    for role, status in ((Role.REQUESTER, 403), (Role.OPERATOR, 202)):
        answer = await works.world.ask("POST", "/api/v1/exports", role=role, json=packed)

        assert answer.status_code == status, role
    answer = await works.world.ask(
        "POST", "/api/v1/runs", json={"name": "all", "nodes": [{"key": "one", "kind": "export", "payload": packed}]}
    )
    assert answer.status_code == 422, answer.text


async def test_only_who_operates_retries_it(works: Works) -> None:  # A7
    made = await works.made(type="snapshot", source="activities", tables=["nowhere"])

    for role, status in ((Role.REQUESTER, 403), (Role.OPERATOR, 202)):
        answer = await works.world.ask("POST", f"/api/v1/exports/{made['id']}/retry", role=role)

        assert answer.status_code == status, role


async def test_a_run_or_a_job_is_no_way_around_that(works: Works) -> None:  # A7
    node = {"key": "one", "kind": "export", "payload": TABLES}
    for path, body in (
        ("/api/v1/runs", {"name": "all", "nodes": [node]}),
        ("/api/v1/jobs", {"kind": "export", "payload": TABLES}),
    ):
        answer = await works.world.ask("POST", path, json=body)

        assert answer.status_code == 422, answer.text
        assert (await works.world.ask("GET", "/api/v1/exports")).json()["items"] == []


async def test_a_source_may_be_called_as_this_installation_is(works: Works, tmp_path: Path) -> None:
    async with works.world.services.database.tenant(works.world.organisations["nordlys"].id) as tx:
        await sources.register(tx, "lading", credentials_ref=f"file:{tmp_path / 'source-url'}", actor=SYSTEM)

    files = await snapshot(works, source="lading", tables=["public.place"], format="csv")

    assert len(files["public.place.csv"].splitlines()) == 4


async def test_a_source_of_another_organisation_is_unknown(works: Works) -> None:  # A6
    status, problem = await works.refused("fjord", **TABLES)

    assert (status, problem["errors"][0]["pointer"]) == (422, "/source")


async def test_a_field_that_can_not_be_is_named(works: Works) -> None:  # E1
    for change, pointer in [
        ({"source": None}, "/source"),
        ({"source": "nothing"}, "/source"),
        ({"tables": []}, "/tables"),
        ({"tables": ['a"; DROP TABLE b']}, "/tables/0"),
        ({"tables": ["a.b.c"]}, "/tables/0"),
        ({"tables": ["activity", "a/b"]}, "/tables/1"),
        ({"tables": ["who?"]}, "/tables/0"),
        ({"tables": ["Activity", "activity"]}, "/tables"),
        ({"format": "xlsx"}, "/format"),
        ({"parameters": {"a": 1}}, "/parameters"),
        ({"exports": ["exp_1"]}, "/exports"),
        ({"profile": "activities"}, "/profile"),
    ]:
        status, problem = await works.refused(**{**TABLES, **change})

        assert (status, problem["errors"][0]["pointer"]) == (422, pointer)
