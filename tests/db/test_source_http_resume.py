"""A reading of an API that had to stop goes on where it did, and makes the bytes of one that never stopped."""

# P14, P1, P2

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api_server import Api, Asked, Reply, page, serving
from lading.exports import registry
from lading.ledger.entry import SYSTEM
from lading.sources import store as sources
from serving import World
from works import ACTIVITIES, PERIOD, Works

pytestmark = pytest.mark.anyio
PAGES = 12
AWAY = Reply(b"", 429, {"Retry-After": "600", "Content-Type": "application/json"})
STYLES: dict[str, dict[str, str]] = {
    "page": {},
    "offset": {},
    "cursor": {"rows": "rows", "next": "next"},
    "link": {},
    "next_url": {"rows": "rows", "next": "next"},
}


@dataclass
class Books:
    """An API of twelve pages of three rows in some order, which answers otherwise when it is told to."""

    style: str = "page"
    odd: dict[int, Callable[[int], Reply | None]] = field(default_factory=dict[int, Callable[[int], Reply | None]])
    asked: list[int] = field(default_factory=list[int])

    def answer(self, request: Asked) -> Reply:
        place = {
            "page": lambda: int(request.one("page")),
            "offset": lambda: int(request.one("offset")) // 3 + 1,
            "cursor": lambda: int(request.one("cursor", "c1")[1:]),
        }.get(self.style, lambda: int(request.one("at", "1")))()
        self.asked.append(place)
        if place in self.odd and (reply := self.odd[place](self.asked.count(place))) is not None:
            return reply
        rows = rows_of(place)
        more = place < PAGES
        if self.style == "cursor":
            return page({"rows": rows, "next": f"c{place + 1}" if more else None})
        if self.style == "next_url":
            return page({"rows": rows, "next": f"/items?at={place + 1}" if more else None})
        if self.style == "link":
            return page(rows, **({"Link": f'</items?at={place + 1}>; rel="next"'} if more else {}))
        return page(rows)


def rows_of(place: int) -> list[dict[str, Any]]:
    """Return the rows of a page: not in the order of their ids."""
    if not 1 <= place <= PAGES:
        return []
    return [{"id": (place * 3 + each) * 7 % 101, "kind": f"k{place}", "hours": "1.5"} for each in range(3)]


def once(reply: Reply) -> Callable[[int], Reply | None]:
    return lambda count: reply if count == 1 else None


@dataclass
class Reader:
    """An organisation whose source is that API."""

    works: Works
    books: Books
    api: Api

    async def ready(self, **options: str) -> None:
        given = {"url": self.api.url, "pages": self.books.style, **STYLES[self.books.style], **options}
        async with self.works.world.services.database.tenant(self.works.world.organisations["nordlys"].id) as tx:
            await sources.register(tx, "books", kind="http", options=given, actor=SYSTEM)
            request = {"path": "/items", "columns": {"id": "integer", "kind": "string", "hours": "decimal"}}
            source = {"name": "books", "request": request, "key": ["id"]}
            await registry.put(tx, {**ACTIVITIES, "source": source}, actor=SYSTEM, activate=True)

    async def ask(self) -> str:
        return (await self.works.ask(profile="activities", period=PERIOD, format="csv"))["id"]

    async def work(self) -> None:
        """Do one attempt at what waits, however long it was to wait."""
        with psycopg.connect(self.works.database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM buckets")
            connection.execute("UPDATE jobs SET state = 'pending', due_at = now() WHERE state = 'scheduled'")
        await self.works.work()

    async def package(self, export_id: str) -> bytes:
        made = await self.works.get(export_id)
        assert made["status"] == "completed", made
        return await self.works.package(made)

    async def whole(self) -> bytes:
        """Return the package of an export that nothing disturbs, and forget what was asked for it."""
        self.books.odd.clear()
        export_id = await self.ask()
        await self.work()
        self.books.asked.clear()
        return await self.package(export_id)

    def kept(self) -> list[str]:
        """Return the files of the runs that are kept."""
        with psycopg.connect(self.works.database_url) as connection:
            rows = connection.execute("SELECT result #>> '{file,key}' FROM export_pages ORDER BY number").fetchall()
        return [row[0] for row in rows]


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def reader(world: World, database_url: str, tmp_path: Path, books: Books) -> Iterator[Reader]:
    settings = replace(world.services.settings, allowed_networks="127.0.0.1/32", max_attempts=8)
    world.services = replace(world.services, settings=settings)
    with serving(books.answer) as api:
        yield Reader(Works(world, database_url, tmp_path), books, api)


@pytest.mark.parametrize("style", sorted(STYLES))
async def test_a_reading_that_was_sent_away_goes_on_at_the_page_where_it_was(reader: Reader, style: str) -> None:
    reader.books.style = style
    await reader.ready()
    undisturbed = await reader.whole()
    reader.books.odd = {5: once(AWAY), 9: once(AWAY)}

    export_id = await reader.ask()
    for _ in range(3):
        await reader.work()

    last = [PAGES + 1] if style in {"page", "offset"} else []
    assert reader.books.asked == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 9, 10, 11, 12, *last]
    assert await reader.package(export_id) == undisturbed


async def test_a_place_that_the_api_does_not_know_any_more_means_the_first_page(reader: Reader) -> None:
    reader.books.style = "cursor"
    await reader.ready()
    undisturbed = await reader.whole()
    gone = Reply(b"{}", 410)
    reader.books.odd = {5: {1: AWAY, 2: gone}.get, 8: once(AWAY)}

    export_id = await reader.ask()
    for _ in range(3):
        await reader.work()

    assert reader.books.asked == [1, 2, 3, 4, 5, 5, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12]
    assert await reader.package(export_id) == undisturbed


async def test_rows_that_moved_while_it_waited_mean_the_first_page(reader: Reader) -> None:
    await reader.ready()
    undisturbed = await reader.whole()
    twice = page(rows_of(3))
    reader.books.odd = {5: {1: AWAY, 2: twice}.get}

    export_id = await reader.ask()
    for _ in range(3):
        await reader.work()

    assert reader.books.asked[:6] == [1, 2, 3, 4, 5, 5]
    assert reader.books.asked[-PAGES - 1 :] == [*range(1, PAGES + 2)]
    assert await reader.package(export_id) == undisturbed


async def test_a_total_that_is_not_reached_means_the_first_page(reader: Reader) -> None:
    reader.books.style = "cursor"
    await reader.ready(total="total")
    reader.books.odd = {
        1: lambda count: page({"rows": rows_of(1), "next": "c2", "total": 37 if count == 1 else 36}),
        5: once(AWAY),
    }

    export_id = await reader.ask()
    for _ in range(3):
        await reader.work()

    assert reader.books.asked == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, *range(1, 13)]
    assert (await reader.works.get(export_id))["status"] == "completed"


@pytest.mark.parametrize("key", [None, 12 * 3 * 7 % 101])
async def test_rows_that_were_refused_are_read_anew_once_somebody_has_corrected_them(
    reader: Reader, key: int | None
) -> None:
    await reader.ready()
    undisturbed = await reader.whole()
    wrong = [*rows_of(12)[:2], {**rows_of(12)[2], "id": key}]
    reader.books.odd = {5: once(AWAY), 12: once(page(wrong))}
    export_id = await reader.ask()
    for _ in range(2):
        await reader.work()
    refused = await reader.works.get(export_id)

    grounds = {"reason": "corrected"}
    again = await reader.works.world.ask("POST", f"/api/v1/exports/{export_id}/retry", json=grounds)
    await reader.work()

    assert (refused["status"], again.status_code) == ("failed", 202), (refused, again.text)
    assert await reader.package(export_id) == undisturbed


async def test_pages_of_another_address_are_not_used(reader: Reader) -> None:
    await reader.ready()
    reader.books.odd = {5: once(AWAY)}
    export_id = await reader.ask()
    await reader.work()

    await reader.ready(page_size="3", size_parameter="size")
    await reader.work()

    assert reader.books.asked == [1, 2, 3, 4, 5, *range(1, PAGES + 2)]
    assert (await reader.works.get(export_id))["status"] == "completed"


async def test_a_run_whose_file_is_damaged_is_read_anew_with_all_behind_it(reader: Reader) -> None:
    await reader.ready()
    undisturbed = await reader.whole()
    reader.books.odd = {4: once(AWAY), 7: once(AWAY)}
    export_id = await reader.ask()
    for _ in range(2):
        await reader.work()
    second = reader.works.world.services.settings.blobs_dir / reader.kept()[1]
    second.write_bytes(second.read_bytes()[:-1] + b"x")

    await reader.work()

    assert reader.books.asked == [1, 2, 3, 4, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert await reader.package(export_id) == undisturbed


async def test_pages_that_are_a_day_old_are_not_used(reader: Reader) -> None:
    await reader.ready()
    reader.books.odd = {5: once(AWAY)}
    export_id = await reader.ask()
    await reader.work()
    with psycopg.connect(reader.works.database_url, autocommit=True) as connection:
        connection.execute("UPDATE export_pages SET read_at = now() - interval '25 hours'")

    await reader.work()

    assert reader.books.asked[5:] == [*range(1, PAGES + 2)]
    assert (await reader.works.get(export_id))["status"] == "completed"


async def test_pages_go_with_the_export(reader: Reader) -> None:
    await reader.ready()
    reader.books.odd = {5: once(AWAY)}
    export_id = await reader.ask()
    await reader.work()
    before = len(reader.kept())
    await reader.work()

    deleted = await reader.works.world.ask("DELETE", f"/api/v1/exports/{export_id}")

    assert (before, deleted.status_code, reader.kept()) == (1, 204, [])
