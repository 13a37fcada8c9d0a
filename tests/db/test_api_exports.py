"""An export is asked for once, followed without polling, and stopped or started again by those who may."""

# E1, E2, E7, E8, E10, P2 (retry), P3 (cancel), C4 (what downloads need is in test_api_downloads).

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from lading.tenants.model import Role
from serving import REQUEST, YEAR, World

pytestmark = pytest.mark.anyio
EXPORTS = "/api/v1/exports"


async def test_a_request_is_accepted_and_says_where_to_look(world: World) -> None:
    answer = await world.ask("POST", EXPORTS, json={**REQUEST, "parameters": {"activity_types": ["home_visit"]}})
    body = answer.json()

    assert answer.status_code == 202
    assert answer.headers["location"] == f"{EXPORTS}/{body['id']}"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["etag"] == f'"v{body["version"]}"'
    assert (body["status"], body["tenant"], body["format"], body["period"]) == ("pending", "nordlys", "csv", YEAR)
    assert body["parameters"] == {"activity_types": ["home_visit"]}
    assert body["links"]["self"] == answer.headers["location"]
    assert {"cancel", "history"} <= set(body["links"])
    assert (await world.ask("GET", answer.headers["location"])).json() == body


async def test_the_same_key_and_body_is_the_same_export(world: World) -> None:  # E10
    first = await world.ask("POST", EXPORTS, json=REQUEST, headers={"Idempotency-Key": "8e03"})
    again = await world.ask("POST", EXPORTS, json=REQUEST, headers={"Idempotency-Key": '"8e03"'})
    other = await world.ask("POST", EXPORTS, json={**REQUEST, "format": "xlsx"}, headers={"Idempotency-Key": "8e03"})
    fresh = await world.ask("POST", EXPORTS, json=REQUEST)

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert fresh.json()["id"] != first.json()["id"]


async def test_the_same_key_in_another_tenant_is_another_export(world: World) -> None:
    key = {"Idempotency-Key": "8e03"}
    one, two = [await world.ask("POST", EXPORTS, slug=slug, json=REQUEST, headers=key) for slug in ("nordlys", "fjord")]

    assert one.json()["id"] != two.json()["id"]


async def test_sixteen_requests_at_once_under_one_key_make_one_export(world: World) -> None:
    await world.headers()
    key = {"Idempotency-Key": "at-once"}

    answers = await asyncio.gather(*(world.ask("POST", EXPORTS, json=REQUEST, headers=key) for _ in range(16)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_what_the_caller_has_already_is_not_sent_again(world: World) -> None:
    export = await world.export()
    path, tag = f"{EXPORTS}/{export['id']}", f'"v{export["version"]}"'

    known = await world.ask("GET", path, headers={"If-None-Match": tag})
    unknown = await world.ask("GET", path, headers={"If-None-Match": '"v999"'})

    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert unknown.status_code == 200


async def test_a_wait_ends_as_soon_as_the_export_changes(world: World) -> None:
    export = await world.export()
    path, tag = f"{EXPORTS}/{export['id']}?wait=60", f'"v{export["version"]}"'
    waiting = asyncio.create_task(world.ask("GET", path, headers={"If-None-Match": tag}))
    ended = asyncio.create_task(world.ask("GET", path))
    began = time.monotonic()

    await world.complete(export["id"])
    changed, final = await waiting, await ended

    assert time.monotonic() - began < 50  # of the 60 it would have waited
    assert changed.status_code == 200
    assert (final.json()["status"], final.json()["stage"]) == ("completed", "COMPLETE")
    assert "retry-after" not in final.headers


async def test_a_wait_without_a_change_ends_after_its_time(world: World) -> None:
    export = await world.export()
    path, tag = f"{EXPORTS}/{export['id']}", f'"v{export["version"]}"'

    unchanged = await world.ask("GET", f"{path}?wait=0.2", headers={"If-None-Match": tag})
    preferred = await world.ask("GET", path, headers={"If-None-Match": tag, "Prefer": "wait=1"})
    pending = await world.ask("GET", f"{path}?wait=0.2")

    assert (unchanged.status_code, unchanged.headers["retry-after"]) == (304, "1")
    assert (preferred.status_code, preferred.headers["preference-applied"]) == (304, "wait=1")
    assert (pending.status_code, pending.json()["status"], pending.headers["retry-after"]) == (200, "pending", "1")


async def test_a_wait_ends_when_the_server_shuts_down(world: World) -> None:
    export = await world.export()
    waiting = asyncio.create_task(world.ask("GET", f"{EXPORTS}/{export['id']}?wait=60"))
    await world.ask("GET", f"{EXPORTS}/{export['id']}")

    world.services.stopping.set()
    answer = await asyncio.wait_for(waiting, 50)

    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    assert (await world.http.get("/readyz")).status_code == 503


async def test_an_ended_export_is_not_waited_for(world: World) -> None:
    export = await world.export()
    await world.complete(export["id"])
    path = f"{EXPORTS}/{export['id']}"
    tag = (await world.ask("GET", path)).headers["etag"]
    began = time.monotonic()

    assert (await world.ask("GET", f"{path}?wait=60")).status_code == 200
    assert (await world.ask("GET", f"{path}?wait=60", headers={"If-None-Match": tag})).status_code == 304
    assert time.monotonic() - began < 50  # of the 60 it would have waited


async def test_a_list_pages_through_everything_once_while_more_comes_in(world: World) -> None:  # E7
    made = [(await world.export())["id"] for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}

    while True:
        page = (await world.ask("GET", EXPORTS, params=query)).json()
        seen += [item["id"] for item in page["items"]]
        await world.export()
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert seen == made[::-1]


async def test_a_list_is_filtered_and_its_cursor_belongs_to_its_filters(world: World) -> None:  # E7
    csv, xlsx = await world.export(), await world.export(format="xlsx")
    early = await world.export(period={"from": "2020-01-01", "to": "2020-12-31"})
    await world.ask("POST", f"{EXPORTS}/{csv['id']}/cancel")

    async def found(**query: Any) -> set[str]:
        return {item["id"] for item in (await world.ask("GET", EXPORTS, params=query)).json()["items"]}

    assert await found(format="xlsx") == {xlsx["id"]}
    assert await found(status="cancelled") == {csv["id"]}
    assert await found(status=["cancelled", "pending"]) == {csv["id"], xlsx["id"], early["id"]}
    assert await found(period_to="2021-01-01") == {early["id"]}
    assert await found(period_from="2021-01-01") == {csv["id"], xlsx["id"]}
    assert await found(profile="other") == set()
    cursor = (await world.ask("GET", EXPORTS, params={"limit": 1})).json()["next_cursor"]
    crossed = await world.ask("GET", EXPORTS, params={"limit": 1, "cursor": cursor, "format": "csv"})
    assert (crossed.status_code, crossed.json()["errors"][0]["pointer"]) == (422, "/cursor")


async def test_a_waiting_export_is_cancelled_at_once_and_only_once(world: World) -> None:
    export = await world.export()
    path = f"{EXPORTS}/{export['id']}"

    first = await world.ask("POST", f"{path}/cancel", json={"reason": "Wrong period"})
    again = await world.ask("POST", f"{path}/cancel")

    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "invalid-transition")


async def test_only_what_failed_or_was_cancelled_is_retried(world: World) -> None:
    export = await world.export()
    path = f"{EXPORTS}/{export['id']}"
    too_early = await world.ask("POST", f"{path}/retry")
    await world.fail(export["id"])
    failed = (await world.ask("GET", path)).json()

    answer = await world.ask("POST", f"{path}/retry")

    assert too_early.status_code == 409
    assert failed["error"]["code"] == "source-refused"  # E8
    assert (answer.status_code, answer.headers["location"]) == (202, path)
    assert (answer.json()["status"], answer.json()["retry_count"], answer.json()["id"]) == ("pending", 1, export["id"])


async def test_the_history_of_an_export_is_in_order(world: World) -> None:  # E2
    export = await world.export()
    await world.ask("POST", f"{EXPORTS}/{export['id']}/cancel", json={"reason": "Kari Nordmann asked"})

    items = (await world.ask("GET", f"{EXPORTS}/{export['id']}/history")).json()["items"]

    assert items[0]["type"] == "export.created"
    assert "export.cancelled" in [item["type"] for item in items]
    assert all(item["actor"]["kind"] == "key" for item in items)
    assert "Nordmann" not in str(items)


async def test_a_deleted_export_is_gone_and_a_running_one_cannot_be_deleted(world: World) -> None:  # B6
    export = await world.export()
    path = f"{EXPORTS}/{export['id']}"

    running = await world.ask("DELETE", path)
    await world.ask("POST", f"{path}/cancel")
    deleted = await world.ask("DELETE", path)

    assert running.status_code == 409
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await world.ask("GET", path)).status_code == 404
    assert (await world.ask("GET", EXPORTS)).json()["items"] == []
    assert (await world.ask("DELETE", path)).status_code == 404


async def test_a_requester_asks_but_does_not_delete(world: World) -> None:
    export = await world.export()
    await world.ask("POST", f"{EXPORTS}/{export['id']}/cancel", role=Role.REQUESTER)

    assert (await world.ask("DELETE", f"{EXPORTS}/{export['id']}", role=Role.REQUESTER)).status_code == 403
