"""An extract of the ledger is exactly the entries of its span, in order, the same bytes each time, and counted."""

# E5

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest

from lading import clock
from lading.client import AsyncClient
from lading.errors import InvalidInput
from lading.ledger import extracts
from lading.ledger.entry import SYSTEM, Entry, line
from lading.ledger.extracts import Span
from lading.tenants.model import Role
from serving import World, app_for

pytestmark = pytest.mark.anyio
API = "/api/v1/ledger/extract"
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SPAN = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
Told = list[tuple[datetime, str]]


def keep(url: str, tenant: UUID, told: Told) -> list[bytes]:
    """Put entries into the tree of a tenant as if they had been integrated; return their lines."""
    lines: list[bytes] = []
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        row = cursor.execute(
            "SELECT coalesce(max(index) + 1, 0) FROM ledger_entries WHERE tenant_id = %s", (tenant,)
        ).fetchone()
        assert row is not None
        for index, (at, subject) in enumerate(told, start=row[0]):
            written = line(Entry("job.completed", subject, SYSTEM, {"n": index}), tenant=tenant, at=at)
            lines.append(written)
            cursor.execute(
                "INSERT INTO ledger_entries (tenant_id, index, subject, type, at, line) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (tenant, index, subject, "job.completed", at, written),
            )
        cursor.execute(
            "INSERT INTO signed_heads (tenant_id, size, root, note) VALUES (%s, %s, sha256('x'), 'note') "
            "ON CONFLICT DO NOTHING",
            (tenant, row[0] + len(told)),
        )
    return lines


@pytest.fixture
def tenant(world: World) -> UUID:
    return world.organisations["nordlys"].id


async def extract(world: World, form: str = "ndjson", **options: Any) -> bytes:
    answer = await world.ask("GET", API, params={**SPAN, "format": form}, **options)
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_it_holds_exactly_what_is_from_its_first_instant_to_before_its_last(
    world: World, tenant: UUID, database_url: str
) -> None:
    lines = keep(
        database_url,
        tenant,
        [(START - MICROSECOND, "job_a"), (START, "job_b"), (END - MICROSECOND, "job_c"), (END, "job_d")],
    )
    keep(database_url, world.organisations["fjord"].id, [(START, "job_x")])

    assert (await extract(world)).splitlines() == lines[1:3]


async def test_it_is_sorted_by_instant_then_by_what_it_is_about_then_by_index(
    world: World, tenant: UUID, database_url: str
) -> None:
    later = START + MICROSECOND
    lines = keep(
        database_url,
        tenant,
        [(later, "job_a"), (START, "job_b"), (START, "exp_b"), (START, "job_B"), (START, "job_b"), (START, "exp_b")],
    )

    assert (await extract(world)).splitlines() == [lines[each] for each in (2, 5, 3, 1, 4, 0)]


async def test_the_formats_say_the_same(world: World, tenant: UUID, database_url: str) -> None:
    keep(database_url, tenant, [(START, "job_a"), (START, "job_b")])

    lines = [json.loads(each) for each in (await extract(world)).splitlines()]
    array = json.loads(await extract(world, "json"))
    rows = list(csv.DictReader(io.StringIO((await extract(world, "csv")).decode(), newline="")))

    assert lines == array
    assert [(row["at"], row["subject"], json.loads(row["data"])) for row in rows] == [
        (each["at"], each["subject"], each["data"]) for each in lines
    ]
    assert [row["index"] for row in rows] == ["0", "1"]


@pytest.mark.parametrize("form", ["ndjson", "json", "csv"])
async def test_many_of_one_instant_come_once_each_page_by_page_and_as_the_manifest_says(
    world: World, tenant: UUID, database_url: str, form: extracts.Format
) -> None:
    keep(database_url, tenant, [(START, f"job_{number % 7}") for number in range(2500)])

    content = await extract(world, form)
    again = await extract(world, form)
    manifest = (await world.ask("GET", f"{API}/manifest", params={**SPAN, "format": form})).json()
    span = Span(START, END)
    chunks = [each async for each in extracts.chunks(world.services.database, tenant, span, form)]

    assert content == again == b"".join(chunks)
    assert (manifest["entries"], manifest["bytes"]) == (2500, len(content))
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["tenant"], manifest["start"], manifest["tree_size"]) == ("nordlys", clock.show(START), 2500)
    assert max(map(len, chunks)) < len(content) / 2
    told = json.loads(content) if form == "json" else content.splitlines()
    assert len(told) == 2500 + (form == "csv")


async def test_an_empty_span_is_an_empty_extract(world: World, tenant: UUID, database_url: str) -> None:
    keep(database_url, tenant, [(START - MICROSECOND, "job_a")])

    assert [await extract(world, form) for form in ("ndjson", "json", "csv")] == [
        b"",
        b"[]\n",
        b"index,at,type,subject,actor_kind,actor,rev,data\r\n",
    ]
    assert (await world.ask("GET", f"{API}/manifest", params=SPAN)).json()["entries"] == 0


async def test_entries_on_their_way_into_the_tree_are_waited_for(world: World, tenant: UUID, database_url: str) -> None:
    written = line(Entry("job.completed", "job_a", SYSTEM), tenant=tenant, at=START)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO ledger_pending (tenant_id, subject, type, at, line) VALUES (%s, 'job_a', 'x', %s, %s)",
            (tenant, START, written),
        )

    answer = await world.ask("GET", API, params=SPAN)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_span_that_is_none_or_not_over_is_refused(world: World) -> None:
    now = datetime.now(UTC)
    for params, pointer in [
        ({"from": SPAN["from"]}, "/to"),
        ({"from": SPAN["to"], "to": SPAN["from"]}, "/to"),
        ({"from": SPAN["from"], "to": SPAN["from"]}, "/to"),
        ({"from": SPAN["from"], "to": (now + timedelta(days=1)).isoformat()}, "/to"),
        ({"from": SPAN["from"], "to": (now - timedelta(seconds=1)).isoformat()}, "/to"),
        ({"from": "2026-01-01", "to": SPAN["to"]}, "/from"),
        ({"from": "2026-01-01T00:00:00", "to": SPAN["to"]}, "/from"),
        ({"from": "9" * 30, "to": SPAN["to"]}, "/from"),
        ({**SPAN, "format": "xml"}, "/format"),
        ({**SPAN, "colour": "red"}, "/colour"),
    ]:
        for path in (API, f"{API}/manifest"):
            answer = await world.ask("GET", path, params=params)
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), params
    assert (await world.ask("GET", API, params={"from": "0001-01-01T00:00:00Z", "to": SPAN["to"]})).status_code == 200


async def test_who_took_it_stands_in_the_ledger(world: World) -> None:
    await extract(world, "csv", role=Role.AUDITOR)

    (told,) = await world.events("ledger:entries")

    assert told["type"] == "ledger.extracted"
    assert told["data"] == {"from": clock.show(START), "to": clock.show(END), "format": "csv"}
    statuses = {role: (await world.ask("GET", API, params=SPAN, role=role)).status_code for role in Role}
    assert {role for role, status in statuses.items() if status != 403} == {Role.AUDITOR, Role.ADMIN}


@pytest.fixture
async def client(world: World) -> AsyncIterator[AsyncClient]:
    token = (await world.headers())["Authorization"].removeprefix("Bearer ")
    transport = httpx2.ASGITransport(app=app_for(world.services))
    async with AsyncClient("http://lading.test", token=token, transport=transport) as made:
        yield made


async def test_the_client_gets_the_same_bytes(
    world: World, client: AsyncClient, tenant: UUID, database_url: str
) -> None:
    keep(database_url, tenant, [(START, "job_a")])

    content = b"".join([each async for each in client.ledger.extract(SPAN["from"], SPAN["to"])])
    manifest = await client.ledger.extract_manifest(SPAN["from"], SPAN["to"])

    assert content == await extract(world)
    assert manifest.sha256 == hashlib.sha256(content).hexdigest()
    with pytest.raises(InvalidInput):
        async for _ in client.ledger.extract(SPAN["to"], SPAN["from"]):
            pass
