"""What takes two people takes two: nobody lets an export run that they have asked for, by whatever key."""

# E3, A6, A7.

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL

from lading import ids
from lading.exports import approvals
from lading.ledger.entry import SYSTEM, Actor
from lading.tenants import persons
from lading.tenants import store as tenants
from lading.tenants.model import Role
from serving import REQUEST, World
from works import PERIOD, Works

pytestmark = pytest.mark.anyio
WHY = {"reason": "the board wants it", "ticket": "OPS-9"}
ASKS: dict[str, Any] = {
    "policy": "eyes",
    "rules": [{"rule": "second-person", "approval": {"roles": ["operator", "admin"], "expires_after_hours": 4}}],
}


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    """An installation with rows to export, whose policy asks for a second person."""
    made = Works(world, database_url, tmp_path)
    await made.ready()
    await put(world, ASKS)
    return made


async def put(world: World, document: dict[str, Any], slug: str = "nordlys") -> None:
    """Store and activate a policy."""
    answer = await world.over(
        "PUT", f"/api/v1/policies/{document['policy']}", slug=slug, json=document, params={"activate": True}
    )
    assert answer.status_code == 200, answer.text


async def asked(works: Works, role: Role = Role.REQUESTER, **fields: Any) -> dict[str, Any]:
    """Ask for an export."""
    body = {"profile": "activities", "period": PERIOD, **fields}
    answer = await works.world.ask("POST", "/api/v1/exports", role=role, json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def said(world: World, export_id: str, verb: str, role: Role = Role.OPERATOR, **options: Any) -> Any:
    """Approve or reject an export."""
    options = {"json": WHY, **options}
    return await world.ask("POST", f"/api/v1/exports/{export_id}/{verb}", role=role, **options)


async def told(world: World, subject: str) -> list[str]:
    """Return the types of the ledger entries about `subject`."""
    return [each["type"] for each in await world.events(subject)]


async def test_an_export_waits_until_another_person_lets_it_run(works: Works) -> None:
    made = await asked(works)
    await works.work()
    waiting = await works.get(made["id"])

    assert (waiting["status"], waiting["waiting_for"]) == ("pending", "approval")
    assert (waiting["approval"]["state"], waiting["approval"]["roles"]) == ("pending", ["operator", "admin"])
    job = (await works.world.ask("GET", "/api/v1/jobs")).json()["items"][0]
    assert (job["state"], job["waiting_for"]) == ("blocked", "approval")
    approved = await said(works.world, made["id"], "approve")
    assert (approved.status_code, approved.json()["approval"]["state"]) == (200, "approved")
    await works.work()
    done = await works.get(made["id"])
    assert (done["status"], done["approval"]["decided_role"], done["approval"]["reason"]) == (
        "completed",
        "operator",
        WHY["reason"],
    )
    seen = await works.world.events(made["id"])
    assert [each["type"] for each in seen][:3] == ["export.created", "approval.requested", "approval.approved"]
    revs = [each["rev"] for each in seen if each["rev"] is not None]
    assert revs == sorted(set(revs))
    assert WHY["reason"] not in str(seen)


async def test_who_asked_can_not_approve_by_the_same_key_or_one_made_with_it(works: Works) -> None:
    made = await asked(works, Role.OPERATOR)
    own = await works.world.headers(role=Role.OPERATOR)
    async with works.world.services.database.system() as tx:
        asker = await tenants.authenticate(tx, own["Authorization"].removeprefix("Bearer "))
        child = await tenants.mint_key(tx, asker.tenant_id, name="child", role=Role.OPERATOR, actor=asker.actor)
    headers = {"Authorization": f"Bearer {child.token}"}

    same = await said(works.world, made["id"], "approve")
    descendant = await works.world.http.post(f"/api/v1/exports/{made['id']}/approve", json=WHY, headers=headers)
    rejected = await said(works.world, made["id"], "reject")

    assert [each.status_code for each in (same, descendant, rejected)] == [403, 403, 403]
    assert "another person" in same.json()["detail"]
    assert (await works.get(made["id"]))["waiting_for"] == "approval"


async def test_a_second_key_of_the_installation_is_no_second_person(works: Works) -> None:
    world, here = works.world, {"Lading-Tenant": "nordlys"}
    minted = await world.ask(
        "POST",
        "/api/v1/keys",
        slug="instance",
        headers={"Lading-Tenant": "instance"},
        json={"name": "mine, too", "role": "admin"},
    )
    assert minted.status_code == 201, minted.text
    body = {"profile": "activities", "period": PERIOD}
    asked_by_them = await world.ask("POST", "/api/v1/exports", slug="instance", headers=here, json=body)
    asked_by_others = await asked(works)
    second = {**here, "Authorization": f"Bearer {minted.json()['token']}"}

    own = await said(world, asked_by_them.json()["id"], "approve", headers=second)
    other = await said(world, asked_by_others["id"], "approve", headers=second)

    assert (own.status_code, other.status_code) == (403, 200), own.text + other.text


async def test_keys_that_lead_to_one_member_are_one_person(world: World) -> None:
    member, other = Actor("key", ids.show(ids.MEMBER, ids.new())), Actor("key", ids.show(ids.MEMBER, ids.new()))
    tenant = world.organisations["nordlys"].id
    minted: dict[str, str] = {}
    async with world.services.database.system() as tx:
        for name, maker in (("one", member), ("two", member), ("three", other), ("root", SYSTEM), ("roots", SYSTEM)):
            made = await tenants.mint_key(tx, tenant, name=name, role=Role.OPERATOR, actor=maker)
            minted[name] = ids.show(ids.KEY, made.key.id)
        for name, maker in (("child", "root"), ("sibling", "root"), ("grandchild", "child"), ("cousin", "roots")):
            by = Actor("key", minted[maker])
            made = await tenants.mint_key(tx, tenant, name=name, role=Role.OPERATOR, actor=by)
            minted[name] = ids.show(ids.KEY, made.key.id)
        old = ids.parse(ids.KEY, minted["sibling"])
        made = await tenants.rotate_key(tx, tenant, key_id=old, overlap_seconds=0, actor=SYSTEM)
        minted["rotated"] = ids.show(ids.KEY, made.key.id)

    async with world.services.database.tenant(tenant) as tx:
        assert await persons.are_one(tx, minted["one"], minted["two"])
        assert await persons.are_one(tx, minted["one"], member.id)
        assert await persons.are_one(tx, member.id, minted["one"])
        assert not await persons.are_one(tx, minted["one"], minted["three"])
        assert not await persons.are_one(tx, minted["root"], minted["roots"])
        assert not await persons.are_one(tx, member.id, other.id)
        pairs = (("child", "sibling"), ("grandchild", "sibling"), ("grandchild", "root"), ("rotated", "child"))
        assert [await persons.are_one(tx, minted[one], minted[same]) for one, same in pairs] == [True] * 4
        assert not await persons.are_one(tx, minted["grandchild"], minted["cousin"])


async def test_a_role_that_the_rule_does_not_name_decides_nothing(works: Works) -> None:
    made = await asked(works, Role.OPERATOR)

    refused = await said(works.world, made["id"], "approve", Role.REQUESTER)

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "operator or admin" in refused.json()["detail"]


async def test_a_rejected_export_is_cancelled_and_asks_again_when_it_is_tried_again(works: Works) -> None:
    made = await asked(works)

    rejected = await said(works.world, made["id"], "reject")

    assert (rejected.json()["status"], rejected.json()["approval"]["state"]) == ("cancelled", "rejected")
    again = await works.world.ask("POST", f"/api/v1/exports/{made['id']}/retry", role=Role.REQUESTER)
    assert (again.status_code, again.json()["waiting_for"]) == (202, "approval")
    assert (await said(works.world, made["id"], "approve", Role.ADMIN)).status_code == 200
    await works.work()
    assert (await works.get(made["id"]))["status"] == "completed"
    assert (await told(works.world, made["id"])).count("approval.requested") == 2


async def test_of_two_who_decide_at_once_one_does(works: Works) -> None:
    for _ in range(4):
        made = await asked(works)
        await asyncio.gather(works.world.headers(role=Role.OPERATOR), works.world.headers(role=Role.ADMIN))

        both = await asyncio.gather(
            said(works.world, made["id"], "approve", Role.OPERATOR),
            said(works.world, made["id"], "reject", Role.ADMIN),
        )

        assert sorted(each.status_code for each in both) == [200, 409]
        seen = await told(works.world, made["id"])
        assert seen.count("approval.approved") + seen.count("approval.rejected") == 1


async def test_one_that_nobody_decides_on_is_cancelled_in_time(works: Works) -> None:
    database = works.world.services.database
    made, young = await asked(works), await asked(works)
    async with database.tenant(works.world.organisations["nordlys"].id) as tx:
        await tx.run(
            SQL("UPDATE approvals SET expires_at = now() - interval '1 s' WHERE export_id = %(id)s"),
            id=ids.parse(ids.EXPORT, made["id"]),
        )

    late = await said(works.world, made["id"], "approve")
    counts = [await approvals.sweep(database), await approvals.sweep(database)]

    assert (late.status_code, counts) == (409, [1, 0])
    gone = await works.get(made["id"])
    assert (gone["status"], gone["approval"]["state"]) == ("cancelled", "expired")
    assert (await works.get(young["id"]))["waiting_for"] == "approval"
    assert "approval.expired" in await told(works.world, made["id"])


async def test_one_that_is_cancelled_waits_for_nobody(works: Works) -> None:
    made = await asked(works)

    cancelled = await works.world.ask("POST", f"/api/v1/exports/{made['id']}/cancel", json={"reason": "no"})

    assert (cancelled.json()["status"], cancelled.json()["approval"]["state"]) == ("cancelled", "withdrawn")
    assert (await said(works.world, made["id"], "approve")).status_code == 409


async def test_what_waits_for_a_second_person_is_listed_of_the_own_organisation_alone(works: Works) -> None:  # A6
    made = await asked(works)
    await works.world.ask("POST", "/api/v1/exports", slug="fjord", json=REQUEST)

    own = await works.world.ask("GET", "/api/v1/exports", params={"waiting_for": "approval"})
    others = await works.world.ask("GET", "/api/v1/exports", slug="fjord", params={"waiting_for": "approval"})
    stranger = await said(works.world, made["id"], "approve", slug="fjord")

    assert [each["id"] for each in own.json()["items"]] == [made["id"]]
    assert others.json()["items"] == []
    assert stranger.status_code == 404


async def test_a_rule_that_comes_later_asks_for_the_word_that_an_export_lacks(works: Works) -> None:
    world = works.world
    await world.ask("POST", "/api/v1/policies/eyes/deactivate", json=WHY)
    made = await asked(works)
    await world.ask("POST", "/api/v1/policies/eyes/activate", json={"revision": 1, **WHY})

    await works.work()

    failed = await works.get(made["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "policy-denied")
    again = await world.ask("POST", f"/api/v1/exports/{made['id']}/retry", role=Role.REQUESTER)
    assert again.json()["waiting_for"] == "approval"


async def test_a_word_that_the_rule_of_now_does_not_accept_is_none(works: Works) -> None:
    world = works.world
    made = await asked(works)
    await said(world, made["id"], "approve", Role.OPERATOR)
    await put(world, {"policy": "eyes", "rules": [{"rule": "second-person", "approval": {"roles": ["admin"]}}]})

    await works.work()

    assert (await works.get(made["id"]))["error"]["code"] == "policy-denied"


async def test_the_word_stays_with_an_export_that_is_tried_again(works: Works) -> None:
    world = works.world
    made = await asked(works)
    await said(world, made["id"], "approve")
    works.change("ALTER TABLE activity RENAME TO elsewhere")
    await works.work()
    works.change("ALTER TABLE elsewhere RENAME TO activity")
    assert (await works.get(made["id"]))["status"] != "completed"
    await world.ask("POST", f"/api/v1/exports/{made['id']}/cancel", json={"reason": "again"})

    again = await world.ask("POST", f"/api/v1/exports/{made['id']}/retry", role=Role.REQUESTER)

    assert (again.status_code, again.json()["approval"]["state"]) == (202, "approved")
    await works.work()
    assert (await works.get(made["id"]))["status"] == "completed"


async def test_a_node_of_a_run_waits_for_its_parents_and_for_a_second_person(works: Works) -> None:
    world = works.world
    nodes = [
        {"key": "first", "kind": "noop"},
        {"key": "then", "kind": "export", "payload": {"profile": "activities", "period": PERIOD}, "parents": ["first"]},
    ]
    run = await world.ask("POST", "/api/v1/runs", role=Role.REQUESTER, json={"name": "both", "nodes": nodes})
    assert run.status_code == 201, run.text
    (made,) = (await world.ask("GET", "/api/v1/exports")).json()["items"]
    first = (await world.ask("GET", f"/api/v1/runs/{run.json()['id']}/nodes")).json()["items"]

    approved = await said(world, made["id"], "approve")

    assert [(each["key"], each["waiting_for"]) for each in first][1] == ("then", "approval")
    assert (approved.status_code, approved.json()["waiting_for"]) == (200, "parents")
    await world.finish(*[each["job"] for each in first])
    assert (await works.get(made["id"]))["waiting_for"] == "worker"


async def test_a_stopped_run_starts_nothing_that_is_approved_too_late(works: Works) -> None:
    world = works.world
    nodes = [{"key": "a", "kind": "export", "payload": {"profile": "activities", "period": PERIOD}}]
    run = await world.ask("POST", "/api/v1/runs", role=Role.REQUESTER, json={"name": "one", "nodes": nodes})
    (made,) = (await world.ask("GET", "/api/v1/exports")).json()["items"]
    stopped = await world.ask("POST", f"/api/v1/runs/{run.json()['id']}/cancel", json=WHY)
    assert stopped.status_code == 200, stopped.text

    late = await said(world, made["id"], "approve")

    assert late.status_code == 409


async def test_a_reason_is_asked_for(works: Works) -> None:
    made = await asked(works)

    silent = await said(works.world, made["id"], "approve", json=None)

    assert (silent.status_code, silent.json()["code"]) == (400, "reason-required")
