"""A list shows what its filters say, in the order that is wanted, and each export once, whatever happens meanwhile."""

# E7

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import PATIENT

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.db import notify
from lading.db.database import Database
from lading.db.statements import Statements
from lading.exports.listing import Filter, Sort
from lading.exports.service import ExportService
from lading.settings import Settings
from serving import World

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
API = "/api/v1/exports"
YEAR_2023 = {"from": "2023-01-01", "to": "2023-12-31"}


async def listed(world: World, **query: Any) -> list[str]:
    """Return the ids of every page, which hold two exports each."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        params = {**query, "limit": 2, **({} if cursor is None else {"cursor": cursor})}
        answer = await world.ask("GET", API, params=params)
        assert answer.status_code == 200, answer.text
        found += [each["id"] for each in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


async def test_exports_are_sorted_by_what_is_asked_with_the_newest_last_or_first(world: World) -> None:
    later = [(await world.export())["id"] for _ in range(2)]
    earlier = [(await world.export(period=YEAR_2023))["id"] for _ in range(3)]

    assert await listed(world) == [*earlier[::-1], *later[::-1]]
    assert await listed(world, sort="-created") == [*earlier[::-1], *later[::-1]]
    assert await listed(world, sort="created") == [*later, *earlier]
    assert await listed(world, sort="period") == [*earlier, *later]
    assert await listed(world, sort="-period") == [*later[::-1], *earlier[::-1]]
    assert await listed(world, sort="profile") == [*later, *earlier]
    assert await listed(world, sort="-profile") == [*earlier[::-1], *later[::-1]]


async def test_each_filter_shows_what_it_says(world: World, database_url: str) -> None:
    plain, other = (await world.export())["id"], (await world.export(period=YEAR_2023, format="xlsx"))["id"]
    failed = (await world.export(parameters={"activity_types": ["home_visit"]}))["id"]
    await world.fail(failed)
    hold = await world.ask("POST", "/api/v1/holds", json={"export": other, "reason": "A case is open."})
    assert hold.status_code == 201
    schedule = ids.new()
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE exports SET destinations = '{archive}', schedule_id = %s WHERE id = %s",
            (schedule, ids.parse(ids.EXPORT, plain)),
        )
        (by,) = connection.execute("SELECT DISTINCT requested_by FROM exports").fetchone() or ("",)
    instants = {each["id"]: each["created_at"] for each in (await world.ask("GET", API)).json()["items"]}

    for query, expected in [
        ({"held": "true"}, [other]),
        ({"held": "false"}, [failed, plain]),
        ({"destination": "archive"}, [plain]),
        ({"destination": "nowhere"}, []),
        ({"schedule": ids.show(ids.SCHEDULE, schedule)}, [plain]),
        ({"schedule": ids.show(ids.SCHEDULE, ids.new())}, []),
        ({"requested_by": by}, [failed, other, plain]),
        ({"requested_by": "key_x"}, []),
        ({"q": "HOME_visit"}, [failed]),
        ({"q": "source-refused"}, [failed]),
        ({"q": "archive"}, [plain]),
        ({"q": "xlsx"}, [other]),
        ({"q": other}, [other]),
        ({"q": "%"}, []),
        ({"q": ""}, [failed, other, plain]),
        ({"q": "bufdir", "format": "csv"}, [failed, plain]),
        ({"created_from": instants[other]}, [failed, other]),
        ({"created_to": instants[other]}, [plain]),
        ({"status": "failed", "sort": "period"}, [failed]),
        ({"period_to": "2023-06-01"}, [other]),
        ({"type": "activity_report", "sort": "created"}, [plain, other, failed]),
    ]:
        assert await listed(world, **query) == expected, query
        if "sort" not in query:  # both statements say the same of it
            assert await listed(world, **query, sort="created") == expected[::-1], query


def test_both_statements_of_lists_filter_alike_and_tell_the_same() -> None:
    # Two for the sake of newest first, which reads the primary key and sorts nothing: what they share is the same text.
    statements = Statements("lading.exports")
    newest, others = str(statements["list"].as_string()), str(statements["list_sorted"].as_string())

    def filters(text: str) -> list[str]:
        start = text.index("exports.deleted_at IS NULL")
        return [line.strip() for line in text[start : text.index("> 0", start)].splitlines()]

    def told(text: str) -> list[str]:
        start = text.index("SELECT page.*")
        return [line.strip() for line in text[start : text.index("ON true", start)].splitlines()]

    place = "AND (%(after_id)s::uuid IS NULL OR exports.id < %(after_id)s::uuid)"
    assert [line for line in filters(newest) if line != place] == filters(others)
    assert told(newest) == told(others)
    assert any("%(text)s" in line for line in filters(others))  # the last filter was reached


async def test_what_can_t_be_asked_is_refused(world: World) -> None:
    for query, status in [
        ({"limit": 0}, 422),
        ({"limit": -1}, 422),
        ({"limit": 201}, 422),
        ({"limit": 2**70}, 422),
        ({"sort": "status"}, 422),
        ({"sort": "ended"}, 422),
        ({"held": "perhaps"}, 422),
        ({"q": "x" * 201}, 422),
        ({"schedule": "x"}, 404),
        ({"created_from": "2026-01-01"}, 422),
        ({"created_from": "2026-01-01T00:00:00"}, 422),
        ({"colour": "red"}, 422),
    ]:
        assert (await world.ask("GET", API, params=query)).status_code == status, query


async def test_a_cursor_belongs_to_its_list_and_its_order(world: World) -> None:
    for _ in range(3):
        await world.export()
    found = (await world.ask("GET", API, params={"limit": 1, "sort": "period"})).json()["next_cursor"]

    def forged(*words: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(words).encode()).decode().rstrip("=")

    last, digest = json.loads(base64.urlsafe_b64decode(found + "=" * (-len(found) % 4)))[1:]
    for query in (
        {"cursor": found},
        {"cursor": found, "sort": "-period"},
        {"cursor": found, "sort": "period", "q": "x"},
        {"cursor": found, "sort": "period", "held": "false"},
        {"cursor": found[:-2], "sort": "period"},
        {"cursor": "å", "sort": "period"},
        {"cursor": forged("\0", last, digest), "sort": "period"},
        {"cursor": forged("\ud800", last, digest), "sort": "period"},
        {"cursor": forged(7, last, digest), "sort": "period"},
        {"cursor": forged(["x"] * 9, last, digest), "sort": "period"},
        {"cursor": forged("2024", "exp_x", digest), "sort": "period"},
        {"cursor": "[" * 900, "sort": "period"},
    ):
        answer = await world.ask("GET", API, params=query)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor"), query
    assert (await world.ask("GET", API, params={"cursor": found, "sort": "period"})).status_code == 200
    other = await world.ask("GET", API, slug="fjord", params={"cursor": found, "sort": "period"})
    assert other.json()["items"] == []


# --- the property ---------------------------------------------------------------------------------

_INSERT = (
    "INSERT INTO exports (tenant_id, id, job_id, type, profile, format, period_from, period_to, requested_by) "
    "VALUES (%s, %s, %s, 'snapshot', %s, 'csv', %s, %s, 'test')"
)
_AT = datetime(2026, 1, 1, tzinfo=UTC)


def add(connection: psycopg.Connection[Any], tenant: UUID, profile: str, day: int) -> UUID:
    """Add an export; few profiles and days, so that many are alike."""
    export_id, start = ids.new(), date(2025, 1, 1) + timedelta(days=day)
    connection.execute(_INSERT, (tenant, export_id, ids.new(), profile, start, start))
    return export_id


_NEW = st.tuples(st.sampled_from("aåZ"), st.integers(0, 3))


def test_no_order_skips_or_repeats_an_export_while_others_come_and_go(database_url: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner, psycopg.connect(database_url, autocommit=True) as connection:
        database = Database(database_url, options=PATIENT)
        runner.run(database.open())
        service = ExportService(database, Settings(data_dir=tmp_path), BlobStore(tmp_path), notify.Sender(database))

        @settings(max_examples=40, deadline=None)
        @given(
            sort=st.sampled_from(get_args(Sort)),
            limit=st.integers(1, 4),
            first=st.lists(_NEW, min_size=1, max_size=12),
            between=st.lists(st.tuples(st.lists(_NEW, max_size=3), st.integers(0, 20)), max_size=12),
        )
        def check(
            sort: Sort,
            limit: int,
            first: list[tuple[str, int]],
            between: list[tuple[list[tuple[str, int]], int]],
        ) -> None:
            tenant = ids.new()
            connection.execute(
                "INSERT INTO tenants (tenant_id, slug, name) VALUES (%s, %s, 'x')", (tenant, f"t{tenant.hex[-20:]}")
            )
            before = [add(connection, tenant, *each) for each in first]
            gone: set[UUID] = set()
            changes, seen, cursor = iter(between), list[UUID](), None
            while True:
                page = runner.run(service.list(tenant, Filter(sort=sort), limit=limit, cursor=cursor))
                seen += [ids.parse(ids.EXPORT, each.id) for each in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
                added, chosen = next(changes, ([], 20))
                for each in added:
                    add(connection, tenant, *each)
                if chosen < len(before):  # somebody deletes one, seen or not
                    gone.add(before[chosen])
                    connection.execute("UPDATE exports SET deleted_at = now() WHERE id = %s", (before[chosen],))

            assert len(seen) == len(set(seen))
            assert set(before) - gone <= set(seen)

        check()
        runner.run(database.close())
