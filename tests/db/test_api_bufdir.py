"""The face for reporting organisations says exactly what it promised, in its own words."""

# B1, B6.

from __future__ import annotations

from typing import Any

import pytest

from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio
BASE = "/api/v1/bufdir-exports"
BODY: dict[str, Any] = {
    "org_id": "nordlys",
    "format": "excel",
    "period_from": "2024-01-01",
    "period_to": "2024-12-31",
    "activity_types": ["group_session"],
    "include_attachments": False,
    "submit_to_bufdir_api": False,
}


async def asked(world: World, **change: Any) -> str:
    answer = await world.ask("POST", BASE, json={**BODY, **change})
    assert answer.status_code == 202, answer.text
    return answer.json()["export_id"]


async def test_a_request_answers_exactly_what_was_promised(world: World) -> None:
    answer = await world.ask("POST", BASE, json=BODY)
    body = answer.json()

    assert answer.status_code == 202
    assert set(body) == {"export_id", "status", "estimated_duration_seconds", "created_at", "warnings"}
    assert body["status"] == "queued"
    assert isinstance(body["estimated_duration_seconds"], int)
    assert answer.headers["location"] == f"{BASE}/{body['export_id']}"
    kept = (await world.ask("GET", f"/api/v1/exports/{body['export_id']}")).json()
    assert (kept["profile"], kept["format"]) == ("bufdir", "xlsx")
    assert kept["parameters"] == {"activity_types": ["group_session"]}


async def test_one_export_shows_its_file_when_it_is_completed(world: World) -> None:
    export_id = await asked(world)
    queued = (await world.ask("GET", f"{BASE}/{export_id}")).json()
    path = await world.complete(export_id)
    completed = (await world.ask("GET", f"{BASE}/{export_id}")).json()

    assert set(queued) == {
        "export_id", "org_id", "status", "format", "period_from", "period_to", "created_at", "completed_at",
        "activity_types", "file_url", "file_expires_at", "error_message", "warnings",
    }  # fmt: skip
    assert (queued["status"], queued["file_url"], queued["completed_at"]) == ("queued", None, None)
    assert (completed["status"], completed["format"], completed["org_id"]) == ("completed", "excel", "nordlys")
    assert completed["activity_types"] == ["group_session"]
    assert completed["file_url"] == f"http://lading.test{path}"
    assert completed["file_expires_at"] > completed["completed_at"] > completed["created_at"]
    assert (await world.ask("GET", completed["file_url"])).content == b"PK package"


async def test_the_list_has_numbered_pages_newest_first(world: World) -> None:
    made = [await asked(world) for _ in range(5)]
    await asked_of_fjord(world)

    pages = [(await world.ask("GET", BASE, params={"page": page, "limit": 2})).json() for page in (1, 2, 3, 4)]

    assert [line["export_id"] for page in pages for line in page["data"]] == made[::-1]
    assert [page["pagination"] for page in pages] == [{"page": page, "limit": 2, "total": 5} for page in (1, 2, 3, 4)]
    assert set(pages[0]["data"][0]) == {
        "export_id", "org_id", "status", "format", "period_from", "period_to", "created_at", "completed_at",
    }  # fmt: skip
    assert (await world.ask("GET", BASE)).json()["pagination"] == {"page": 1, "limit": 20, "total": 5}


async def asked_of_fjord(world: World) -> None:
    answer = await world.ask("POST", BASE, slug="fjord", json={**BODY, "org_id": "fjord"})
    assert answer.status_code == 202


async def test_a_cancel_takes_the_reason_and_says_when(world: World) -> None:
    export_id = await asked(world)

    answer = await world.ask("PUT", f"{BASE}/{export_id}/cancel", json={"reason": "Incorrect date range selected"})
    body = answer.json()
    again = await world.ask("PUT", f"{BASE}/{export_id}/cancel")

    assert answer.status_code == 200
    assert set(body) == {"export_id", "status", "cancelled_at"}
    assert body["status"] == "cancelled"
    assert body["cancelled_at"] is not None
    assert again.status_code == 409


async def test_a_retry_counts(world: World) -> None:
    export_id = await asked(world)
    await world.fail(export_id)
    failed = (await world.ask("GET", f"{BASE}/{export_id}")).json()

    answer = await world.ask("POST", f"{BASE}/{export_id}/retry")
    body = answer.json()
    again = await world.ask("POST", f"{BASE}/{export_id}/retry")

    assert (failed["status"], failed["error_message"]) == ("failed", "No.")
    assert answer.status_code == 202
    assert set(body) == {"export_id", "status", "retry_count", "queued_at"}
    assert (body["status"], body["retry_count"]) == ("queued", 1)
    assert again.status_code == 409


async def test_a_delete_leaves_no_trace_but_the_ledger(world: World) -> None:  # B6
    export_id = await asked(world)
    running = await world.ask("DELETE", f"{BASE}/{export_id}")
    path = await world.complete(export_id)

    deleted = await world.ask("DELETE", f"{BASE}/{export_id}")

    assert running.status_code == 409
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [(await world.ask("GET", each)).status_code for each in (f"{BASE}/{export_id}", path)] == [404, 404]
    assert not [each for each in world.services.settings.blobs_dir.rglob("package*") if each.is_file()]


async def test_a_wrong_field_is_named_in_the_words_of_this_face(world: World) -> None:
    for change, pointer in [
        ({"org_id": "nobody"}, "/org_id"),
        ({"org_id": "fjord"}, "/org_id"),
        ({"org_id": "../x"}, "/org_id"),
        ({"format": "xlsx"}, "/format"),
        ({"period_from": "2024-13-01"}, "/period_from"),
        ({"period_to": "x"}, "/period_to"),
        ({"period_from": "2025-01-01"}, "/period_to"),
        ({"activity_types": ["swimming"]}, "/activity_types"),
        ({"activity_types": "group_session"}, "/activity_types"),
        ({"submit_to_bufdir_api": True}, "/submit_to_bufdir_api"),
        ({"colour": "red"}, "/colour"),
        ({"period_from": None}, "/period_from"),
    ]:
        answer = await world.ask("POST", BASE, json={**BODY, **change})
        assert answer.status_code == 422, change
        assert answer.json()["errors"][0]["pointer"].startswith(pointer), (change, answer.text)
        assert "parameters" not in answer.json()["detail"]
    assert (await world.ask("GET", BASE)).json()["pagination"]["total"] == 0


async def test_an_admin_of_the_instance_names_the_organisation(world: World) -> None:
    answer = await world.ask("POST", BASE, slug="instance", json=BODY)
    listed = await world.ask("GET", BASE, slug="instance", headers={"Lading-Tenant": "nordlys"})
    unnamed = await world.ask("GET", BASE, slug="instance")
    unknown = await world.ask("POST", BASE, slug="instance", json={**BODY, "org_id": "nobody"})

    assert answer.status_code == 202
    assert [line["export_id"] for line in listed.json()["data"]] == [answer.json()["export_id"]]
    assert (unnamed.status_code, unnamed.json()["errors"][0]["pointer"]) == (422, "/Lading-Tenant")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/org_id")


async def test_an_export_of_another_profile_or_organisation_is_not_here(world: World) -> None:
    export_id = await asked(world)

    for method, path in [("GET", ""), ("DELETE", ""), ("PUT", "/cancel"), ("POST", "/retry")]:
        answer = await world.ask(method, f"{BASE}/{export_id}{path}", slug="fjord")
        assert answer.status_code == 404, (method, path)


async def test_the_same_key_is_the_same_report(world: World) -> None:
    key = {"Idempotency-Key": "once"}
    first, again = [await world.ask("POST", BASE, json=BODY, headers=key) for _ in range(2)]

    assert first.json()["export_id"] == again.json()["export_id"]
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_estimate_is_the_usual_time_of_such_reports(world: World) -> None:
    for _ in range(3):
        await world.complete(await asked(world))

    answer = await world.ask("POST", BASE, json=BODY)

    assert 1 <= answer.json()["estimated_duration_seconds"] <= 30


async def test_a_viewer_may_look_and_not_ask(world: World) -> None:
    assert (await world.ask("GET", BASE, role=Role.VIEWER)).status_code == 200
    assert (await world.ask("POST", BASE, role=Role.VIEWER, json=BODY)).status_code == 403
