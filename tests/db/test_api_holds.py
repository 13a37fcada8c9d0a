"""What a legal hold keeps goes neither by retention nor by hand, until an auditor lifts it."""

# E6

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.sql import SQL

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.exports import holds, keeping, retention, store
from lading.exports.holds import Scope
from lading.ledger.entry import SYSTEM
from lading.tenants.model import Role
from serving import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio
API = "/api/v1/holds"
WHY = {"reason": "Case 2026/17 is open.", "ticket": "LEG-7"}


async def placed(world: World, **fields: Any) -> dict[str, Any]:
    answer = await world.ask("POST", API, json={**WHY, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def completed(world: World, **fields: Any) -> str:
    export_id = (await world.export(**fields))["id"]
    await world.complete(export_id)
    return export_id


async def expire(world: World, url: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE exports SET expires_at = now() - interval '1 second' WHERE status = 'completed'")
    return await retention.expire(world.services.database, BlobStore(world.services.settings.blobs_dir))


async def status(world: World, export_id: str) -> str:
    return (await world.ask("GET", f"/api/v1/exports/{export_id}")).json()["status"]


async def test_a_held_export_is_neither_expired_nor_deleted_until_the_hold_is_lifted(
    world: World, database_url: str
) -> None:
    export_id = await completed(world)
    hold = await placed(world, export=export_id)

    assert await expire(world, database_url) == 0
    refused = await world.ask("DELETE", f"/api/v1/exports/{export_id}")
    shown = (await world.ask("GET", f"/api/v1/exports/{export_id}")).json()
    lifted = await world.ask("POST", f"{API}/{hold['id']}/lift", json={"reason": "The case is closed."})

    assert (refused.status_code, refused.json()["code"]) == (409, "held")
    assert hold["id"] in refused.json()["detail"]
    assert "LEG-7" in refused.json()["detail"]
    assert (shown["status"], shown["holds"]) == ("completed", [hold["id"]])
    assert (lifted.status_code, lifted.json()["lift_reason"]) == (200, "The case is closed.")
    assert await expire(world, database_url) == 1
    assert await status(world, export_id) == "expired"


async def test_what_is_done_with_a_hold_stands_in_the_ledger_without_its_words(world: World) -> None:
    export_id = await completed(world)
    hold = await placed(world, export=export_id)
    await world.ask("DELETE", f"/api/v1/exports/{export_id}")
    await world.ask("POST", f"{API}/{hold['id']}/lift", json=WHY)

    told = await world.events(hold["id"])
    refused = (await world.events(export_id))[-1]

    assert [each["type"] for each in told] == ["hold.placed", "hold.lifted"]
    assert told[0]["data"] == {"export": export_id, "reason": True, "ticket": "LEG-7"}
    assert "Case" not in str(told)
    assert (refused["type"], refused["data"]) == ("export.delete_refused", {"code": "held", "holds": [hold["id"]]})


@pytest.mark.parametrize(
    ("given", "is_kept"),
    [
        ({"profile": "bufdir"}, True),
        ({"profile": "other"}, False),
        ({"type": "activity_report"}, True),
        ({"type": "snapshot"}, False),
        ({"period_from": "2024-12-31"}, True),
        ({"period_from": "2025-01-01"}, False),
        ({"period_to": "2024-01-01"}, True),
        ({"period_to": "2023-12-31"}, False),
        ({"profile": "bufdir", "period_from": "2025-01-01", "period_to": "2025-12-31"}, False),
        ({"requested_by": "key_0000000000000000000000000z"}, False),
    ],
)
async def test_a_filter_keeps_what_matches_all_of_it_also_what_comes_later(
    world: World, given: dict[str, Any], is_kept: bool
) -> None:
    before = await completed(world)
    hold = await placed(world, **given)
    after = await completed(world)

    for export_id in (before, after):
        shown = (await world.ask("GET", f"/api/v1/exports/{export_id}")).json()["holds"]
        answer = await world.ask("DELETE", f"/api/v1/exports/{export_id}")
        assert shown == ([hold["id"]] if is_kept else [])
        assert answer.status_code == (409 if is_kept else 204)
    counted = (await world.ask("GET", f"{API}/{hold['id']}")).json()["exports"]
    assert counted == (2 if is_kept else 0)


async def test_a_hold_by_who_asked_keeps_what_that_key_asked_for(world: World) -> None:
    export_id = await completed(world)
    (created,) = [each for each in await world.events(export_id) if each["type"] == "export.created"]

    hold = await placed(world, requested_by=created["actor"]["id"])

    assert hold["exports"] == 1


async def test_two_holds_keep_until_both_are_lifted(world: World) -> None:
    export_id = await completed(world)
    first, second = await placed(world, export=export_id), await placed(world, profile="bufdir")

    for each in (first, second):
        assert (await world.ask("DELETE", f"/api/v1/exports/{export_id}")).status_code == 409
        await world.ask("POST", f"{API}/{each['id']}/lift", json=WHY)

    assert (await world.ask("DELETE", f"/api/v1/exports/{export_id}")).status_code == 204


async def test_holds_are_listed_by_page_by_export_and_when_they_are_lifted(world: World) -> None:
    export_id, other = await completed(world), await completed(world)
    made = [
        await placed(world, export=export_id),
        await placed(world, profile="bufdir"),
        await placed(world, export=other),
    ]
    await world.ask("POST", f"{API}/{made[0]['id']}/lift", json=WHY)

    async def listed(**query: Any) -> list[str]:
        found, cursor = [], None
        while True:
            page = (
                await world.ask("GET", API, params={**query, "limit": 1, **cursor} if cursor else {**query, "limit": 1})
            ).json()
            found += [each["id"] for each in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    assert await listed() == [made[2]["id"], made[1]["id"]]
    assert await listed(lifted="true") == [made[0]["id"]]
    assert await listed(export=export_id) == [made[1]["id"]]
    first = (await world.ask("GET", API, params={"limit": 1})).json()["next_cursor"]
    assert (await world.ask("GET", API, params={"cursor": first, "lifted": "true"})).status_code == 422


async def test_the_same_key_places_one_hold(world: World) -> None:
    body, key = {**WHY, "profile": "bufdir"}, {"Idempotency-Key": "once"}
    first, again = [await world.ask("POST", API, json=body, headers=key) for _ in range(2)]
    other = await world.ask("POST", API, json={**body, "profile": "x"}, headers=key)

    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_hold_that_says_nothing_or_too_much_is_refused(world: World) -> None:
    export_id = await completed(world)
    for body, code, pointer in [
        ({}, 422, "/export"),
        ({"export": export_id, "profile": "bufdir"}, 422, "/profile"),
        ({"export": "exp_x"}, 404, None),
        ({"export": "exp_0000000000000000000000000z"}, 404, None),
        ({"profile": ""}, 422, "/profile"),
        ({"profile": "a" * 101}, 422, "/profile"),
        ({"profile": "a\u0007b"}, 422, "/profile"),
        ({"requested_by": "Ann Smith"}, 422, "/requested_by"),
        ({"period_from": "2025-02-30"}, 422, "/period_from"),
        ({"period_from": "20250201"}, 422, "/period_from"),
        ({"period_from": "2025-02-01", "period_to": "2025-01-01"}, 422, "/period_to"),
        ({"profile": "bufdir", "ticket": "a b"}, 422, "/ticket"),
        ({"profile": "bufdir", "reason": " "}, 400, "/reason"),
        ({"profile": "bufdir", "colour": "red"}, 422, "/colour"),
    ]:
        answer = await world.ask("POST", API, json={**WHY, **body})
        assert answer.status_code == code, (body, answer.text)
        if pointer is not None:
            assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await world.ask("GET", API)).json()["items"] == []


async def test_what_is_gone_or_lifted_already_is_a_conflict(world: World, database_url: str) -> None:
    export_id, hold = await completed(world), await placed(world, profile="nobody")
    await expire(world, database_url)
    await world.ask("POST", f"{API}/{hold['id']}/lift", json=WHY)

    late = await world.ask("POST", API, json={**WHY, "export": export_id})
    again = await world.ask("POST", f"{API}/{hold['id']}/lift", json=WHY)

    assert (late.status_code, again.status_code) == (409, 409)


async def test_auditors_and_admins_hold_and_lift_and_operators_look(world: World) -> None:
    hold = await placed(world, profile="bufdir")

    async def allowed(method: str, path: str, **options: Any) -> set[Role]:
        return {role for role in Role if (await world.ask(method, path, role=role, **options)).status_code != 403}

    assert await allowed("POST", API, json={**WHY, "profile": "x"}) == {Role.AUDITOR, Role.ADMIN}
    assert await allowed("GET", API) == {Role.OPERATOR, Role.AUDITOR, Role.ADMIN}
    assert await allowed("GET", f"{API}/{hold['id']}") == {Role.OPERATOR, Role.AUDITOR, Role.ADMIN}
    assert await allowed("POST", f"{API}/{hold['id']}/lift", json=WHY) == {Role.AUDITOR, Role.ADMIN}


async def test_another_organisation_neither_sees_nor_lifts_nor_is_kept(world: World) -> None:
    export_id = await completed(world)
    hold = await placed(world, profile="bufdir")
    own = await world.ask("POST", API, slug="fjord", json={**WHY, "profile": "bufdir"})

    assert (await world.ask("GET", f"{API}/{hold['id']}", slug="fjord")).status_code == 404
    assert (await world.ask("POST", f"{API}/{hold['id']}/lift", slug="fjord", json=WHY)).status_code == 404
    assert (await world.ask("POST", API, slug="fjord", json={**WHY, "export": export_id})).status_code == 404
    assert (await world.ask("GET", API, slug="fjord", params={"export": export_id})).status_code == 404
    assert own.json()["exports"] == 0
    assert [each["id"] for each in (await world.ask("GET", API, slug="fjord")).json()["items"]] == [own.json()["id"]]


@asynccontextmanager
async def waiting_for_a_lock(world: World, work: Any) -> AsyncIterator[asyncio.Task[Any]]:
    """Give a task once the database says that it waits for a lock."""
    task = asyncio.create_task(work)
    async with world.services.database.connection() as connection, asyncio.timeout(60):
        while True:
            row = await (
                await connection.execute(SQL("SELECT count(*) AS n FROM pg_locks WHERE NOT granted"))
            ).fetchone()
            assert row is not None
            if row["n"]:
                break
            assert not task.done(), task
            await asyncio.sleep(0)
    yield task


async def test_a_hold_waits_for_a_removal_that_has_begun_and_then_finds_nothing(world: World) -> None:
    export_id = await completed(world)
    tenant, identifier = world.organisations["nordlys"].id, ids.parse(ids.EXPORT, export_id)

    async with world.services.database.tenant(tenant) as tx:
        await holds.settle(tx)
        await store.lock(tx, identifier)
        assert not await keeping.of(tx, identifier)
        asked = world.ask("POST", API, json={**WHY, "export": export_id})
        async with waiting_for_a_lock(world, asked) as placing:
            await store.delete(tx, identifier, actor=SYSTEM)
    answer = await placing

    assert answer.status_code == 404


async def test_a_removal_waits_for_a_hold_that_is_being_placed_and_is_refused(world: World) -> None:
    export_id = await completed(world)
    await world.headers()

    async with world.services.database.tenant(world.organisations["nordlys"].id) as tx:
        await holds.place(tx, ids.new(), Scope(profile="bufdir"), reason="x", ticket=None, actor=SYSTEM)
        async with waiting_for_a_lock(world, world.ask("DELETE", f"/api/v1/exports/{export_id}")) as deleting:
            pass
    answer = await deleting

    assert (answer.status_code, answer.json()["code"]) == (409, "held")
    assert await status(world, export_id) == "completed"
