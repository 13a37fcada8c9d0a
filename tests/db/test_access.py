"""Keys do what they are made for and no more, can be replaced and taken away, and nobody locks themselves out."""

# A7: keys, scopes, members and tenants over HTTP; A1: each change has its entry.

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.sql import SQL

from lading.tenants import store
from lading.tenants.model import INSTANCE_ID, RIGHTS, Role
from lading.tenants.refusals import NOTED_EVERY_SECONDS
from serving import World

pytestmark = pytest.mark.anyio

WHY = {"reason": "a test"}


async def mint(world: World, *, by: str | None = None, **fields: Any) -> dict[str, Any]:
    body = {"name": "a key", "role": "viewer", **fields}
    headers = {} if by is None else {"Authorization": f"Bearer {by}"}
    answer = await world.ask("POST", "/api/v1/keys", json=body, headers=headers)
    return {"status": answer.status_code, **answer.json()}


async def status(world: World, token: str, method: str, path: str, **options: Any) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await world.http.request(method, path, headers=headers, **options)).status_code


async def test_a_narrowed_key_does_what_it_is_narrowed_to(world: World) -> None:
    key = await mint(world, role="admin", scopes=["read", "audit"])
    me = (await world.http.get("/api/v1/me", headers={"Authorization": f"Bearer {key['token']}"})).json()

    assert (key["status"], key["key"]["scopes"], me["scopes"], me["role"]) == (
        201, ["audit", "read"], ["audit", "read"], "admin",
    )  # fmt: skip
    assert await status(world, key["token"], "GET", "/api/v1/exports") == 200
    assert await status(world, key["token"], "GET", "/api/v1/ledger/head") in {200, 404}
    assert await status(world, key["token"], "GET", "/api/v1/keys") == 403
    assert await status(world, key["token"], "POST", "/api/v1/jobs", json={"kind": "noop"}) == 403


async def test_nobody_hands_out_more_than_they_have(world: World) -> None:
    keeper = (await mint(world, role="admin", scopes=["admin", "read"]))["token"]

    assert (await mint(world, by=keeper, role="viewer"))["status"] == 201
    assert (await mint(world, by=keeper, role="admin", scopes=["admin"]))["status"] == 201
    assert (await mint(world, by=keeper, role="worker"))["status"] == 201
    for role, scopes in (("admin", None), ("operator", None), ("admin", ["read", "quota"]), ("quota", None)):
        refused = await mint(world, by=keeper, role=role, scopes=scopes)
        assert (refused["status"], refused["code"]) == (403, "forbidden")
    strong = await mint(world, role="operator")
    headers = {"Authorization": f"Bearer {keeper}"}
    rotated = await world.ask("POST", f"/api/v1/keys/{strong['key']['id']}/rotate", headers=headers)
    person = {"email": "x@x.example", "role": "operator"}
    member = await world.ask("POST", "/api/v1/members", headers=headers, json=person)
    rule = {"claim": "g", "value": "v", "role": "operator"}
    provider = {"issuer": "https://id.example", "audience": "a", "roles": [rule]}
    put = await world.ask("PUT", "/api/v1/identity-providers/x", headers=headers, json=provider)
    assert (rotated.status_code, member.status_code, put.status_code) == (403, 403, 403)


async def test_a_narrowed_key_cannot_say_whose_tokens_are_believed(world: World) -> None:
    keeper = (await mint(world, role="admin", scopes=["admin", "read"]))["token"]
    narrow = {"Authorization": f"Bearer {keeper}"}
    path, rule = "/api/v1/identity-providers/x", {"claim": "g", "value": "v", "role": "viewer"}
    body = {"issuer": "https://id.example", "audience": "a"}

    added = await world.ask("PUT", path, headers=narrow, json=body)
    await world.ask("PUT", path, json=body)
    changes: list[dict[str, Any]] = [{"roles": [rule]}, {"issuer": "https://x.example"}, {"require": {"tid": "7"}}]
    changed = [await world.over("PUT", path, headers=narrow, json={**body, **each}) for each in changes]

    assert [each.status_code for each in (added, *changed)] == [403, 200, 403, 403]


@pytest.mark.parametrize(
    "fields",
    [{"scopes": []}, {"scopes": ["fly"]}, {"scopes": ["admin"]}, {"scopes": ["read", "audit"]}, {"scopes": "read"}],
)
async def test_scopes_are_some_of_those_of_the_role(world: World, fields: dict[str, Any]) -> None:
    refused = await mint(world, **fields)

    assert (refused["status"], refused["errors"][0]["pointer"][:7]) == (422, "/scopes")


async def test_a_rotated_key_is_good_until_its_overlap_is_over(world: World) -> None:
    key = await mint(world, role="requester", scopes=["read"])
    path = f"/api/v1/keys/{key['key']['id']}/rotate"

    first = (await world.ask("POST", path, json={"overlap_seconds": 3600})).json()
    old = (await world.ask("GET", f"/api/v1/keys/{key['key']['id']}")).json()
    both = [await status(world, each, "GET", "/api/v1/exports") for each in (key["token"], first["token"])]
    await world.ask("POST", path, json={"overlap_seconds": 0})
    over = await status(world, key["token"], "GET", "/api/v1/exports")

    assert both == [200, 200]
    assert (first["key"]["scopes"], first["key"]["replaces"], first["key"]["expires_at"]) == (
        ["read"], key["key"]["id"], None,
    )  # fmt: skip
    until = datetime.fromisoformat(old["expires_at"]) - datetime.fromisoformat(first["key"]["created_at"])
    assert until == timedelta(hours=1)
    assert over == 401
    assert (await world.ask("POST", path)).status_code == 409
    for wrong in (-1, 30 * 86_400 + 1, 1 << 70):
        assert (await world.ask("POST", path, json={"overlap_seconds": wrong})).status_code == 422
    types = [each["type"] for each in await world.events(key["key"]["id"])]
    assert types[:2] == ["key.created", "key.rotated"]


async def test_a_rotated_key_with_an_end_gets_as_long_a_life_again(world: World) -> None:
    ends = "2099-01-01T00:00:00Z"
    key = await mint(world, expires_at=ends)

    rotated = (await world.ask("POST", f"/api/v1/keys/{key['key']['id']}/rotate")).json()["key"]

    life = [
        datetime.fromisoformat(each["expires_at"]) - datetime.fromisoformat(each["created_at"])
        for each in (key["key"], rotated)
    ]
    assert life[0] == life[1]


async def test_a_key_that_ends_makes_none_that_outlives_it(world: World) -> None:
    ends = "2099-01-01T00:00:00Z"
    short = await mint(world, role="admin", expires_at=ends)
    lasting = await mint(world, role="viewer")

    plain = await mint(world, by=short["token"], role="admin")
    sooner = await mint(world, by=short["token"], role="viewer", expires_at="2098-01-01T00:00:00Z")
    later = await mint(world, by=short["token"], role="viewer", expires_at="2099-01-01T00:00:01Z")
    headers = {"Authorization": f"Bearer {short['token']}"}
    rotated = [
        (await world.ask("POST", f"/api/v1/keys/{each['key']['id']}/rotate", headers=headers)).json()["key"]
        for each in (lasting, plain, short)
    ]

    known = [each["expires_at"] for each in (short["key"], plain["key"], sooner["key"])]
    assert known == [known[0], known[0], "2098-01-01T00:00:00.000000Z"], known
    assert (later["status"], later["errors"][0]["pointer"]) == (422, "/expires_at")
    assert {each["expires_at"] for each in rotated} == {known[0]}


async def test_the_last_admin_stays(world: World) -> None:
    admin = (await world.ask("GET", "/api/v1/me")).json()["id"]
    kept = await world.ask("DELETE", f"/api/v1/keys/{admin}")
    soon = await world.ask("GET", "/api/v1/me")
    short = datetime.now().astimezone() + timedelta(hours=1)
    await mint(world, role="admin", expires_at=short.isoformat())
    await mint(world, role="admin", scopes=["read"])
    still = await world.ask("DELETE", f"/api/v1/keys/{admin}")
    other = await mint(world, role="admin")
    ended = await world.ask("DELETE", f"/api/v1/keys/{admin}", json={"reason": "rotated out"})

    assert (kept.status_code, kept.json()["code"], soon.status_code) == (409, "last-admin", 200)
    assert (still.status_code, ended.status_code) == (409, 200)
    assert await status(world, other["token"], "DELETE", f"/api/v1/keys/{other['key']['id']}") == 409


async def test_two_admins_that_revoke_each_other_at_once_leave_one(world: World) -> None:
    first = (await world.ask("GET", "/api/v1/me")).json()["id"]
    second = await mint(world, role="admin")
    headers = {"Authorization": f"Bearer {second['token']}"}

    answers = await asyncio.gather(
        world.ask("DELETE", f"/api/v1/keys/{second['key']['id']}"),
        world.ask("DELETE", f"/api/v1/keys/{first}", headers=headers),
    )

    keys = (await world.ask("GET", "/api/v1/keys", slug="instance", headers={"Lading-Tenant": "nordlys"})).json()[
        "items"
    ]
    assert 200 in {answer.status_code for answer in answers}
    assert len([key for key in keys if key["role"] == "admin" and key["revoked_at"] is None]) == 1


async def test_use_is_remembered_and_costs_no_write_each_time(world: World) -> None:
    key = await mint(world)
    stamps: list[Any] = []
    for _ in range(3):
        assert await status(world, key["token"], "GET", "/api/v1/exports") == 200
        async with world.services.database.system() as tx:
            row = await tx.one(SQL("SELECT xmin::text AS xmin, last_used_at FROM api_keys WHERE name = 'a key'"))
        stamps.append((row["xmin"], row["last_used_at"]))

    assert stamps[0][1] is not None
    assert len(set(stamps)) == 1


async def test_keys_and_tenants_come_in_pages(world: World) -> None:
    made = [(await mint(world, name=f"k{number}"))["key"]["id"] for number in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (
            await world.ask("GET", "/api/v1/keys", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    tenants = (await world.ask("GET", "/api/v1/tenants", slug="instance", params={"limit": 1})).json()
    rest = {"limit": 200, "cursor": tenants["next_cursor"]}
    more = (await world.ask("GET", "/api/v1/tenants", slug="instance", params=rest)).json()

    assert seen[:5] == made[::-1]
    assert seen == sorted(seen, reverse=True)
    assert [item["slug"] for item in tenants["items"] + more["items"]] == ["fjord", "instance", "nordlys"]
    assert (await world.ask("GET", "/api/v1/keys", params={"cursor": tenants["next_cursor"]})).status_code == 422


async def test_a_suspended_tenant_is_closed_and_nothing_of_it_runs(world: World) -> None:
    job = await world.job()
    path = "/api/v1/tenants/nordlys"
    suspended = await world.ask("POST", f"{path}/suspend", slug="instance", json={**WHY, "ticket": "OPS-1"})
    again = await world.ask("POST", f"{path}/suspend", slug="instance", json=WHY)
    claimed = await world.claim()
    closed = await world.ask("GET", "/api/v1/exports")
    other = await world.ask("GET", "/api/v1/exports", slug="fjord")
    reactivated = await world.ask("POST", f"{path}/reactivate", slug="instance", json=WHY)

    assert (suspended.status_code, suspended.json()["suspend_ticket"], claimed) == (200, "OPS-1", [])
    assert again.json()["suspended_at"] == suspended.json()["suspended_at"]
    assert (closed.status_code, closed.json()["code"], other.status_code) == (403, "tenant-suspended", 200)
    assert (reactivated.json()["suspended_at"], len(await world.claim())) == (None, 1)
    assert (await world.ask("GET", f"/api/v1/jobs/{job['id']}")).status_code == 200
    types = [each["type"] for each in await world.events(suspended.json()["id"])]
    assert types == ["tenant.created", "tenant.suspended", "tenant.reactivated"]


async def test_a_tenant_is_renamed_by_its_version_never_deleted_and_the_instance_never_suspended(world: World) -> None:
    path = "/api/v1/tenants/nordlys"
    renamed = await world.ask("PUT", path, slug="instance", json={"name": "Nye Nordlys"}, headers={"If-Match": '"v1"'})
    stale = await world.ask("PUT", path, slug="instance", json={"name": "X"}, headers={"If-Match": '"v1"'})
    instance = await world.ask("POST", "/api/v1/tenants/instance/suspend", slug="instance", json=WHY)
    bare = await world.ask("POST", f"{path}/suspend", slug="instance")

    assert (renamed.json()["name"], renamed.headers["ETag"], stale.status_code) == ("Nye Nordlys", '"v2"', 412)
    assert (await world.ask("DELETE", path, slug="instance")).status_code == 405
    assert (instance.status_code, bare.json()["code"]) == (409, "reason-required")
    assert (await world.ask("GET", "/api/v1/tenants/nobody", slug="instance")).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"role": "viewer"}, "/email"),
        ({"role": "king", "email": "a@b.example"}, "/role"),
        ({"role": "viewer", "email": "a b@c"}, "/email"),
        ({"role": "viewer", "email": "@"}, "/email"),
        ({"role": "viewer", "issuer": "https://id.example"}, "/subject"),
        ({"role": "viewer", "issuer": "ftp://id.example", "subject": "x"}, "/issuer"),
        ({"role": "viewer", "issuer": "https://u:p@id.example", "subject": "x"}, "/issuer"),
        ({"role": "viewer", "issuer": "https://id.example:99999", "subject": "x"}, "/issuer"),
        ({"role": "viewer", "issuer": "https://[::1", "subject": "x"}, "/issuer"),
        ({"role": "viewer", "issuer": "https://id.example", "subject": "x" * 256}, "/subject"),
        ({"role": "viewer", "email": "a@b.example", "name": "a\nb"}, "/name"),
    ],
)
async def test_a_person_that_cannot_be_is_refused_by_field(world: World, body: dict[str, Any], pointer: str) -> None:
    answer = await world.ask("POST", "/api/v1/members", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_person_is_a_member_once(world: World) -> None:
    person = {"role": "viewer", "email": "a@b.example"}
    subject = {"role": "viewer", "issuer": "https://id.example", "subject": "x"}
    first = [await world.ask("POST", "/api/v1/members", json=body) for body in (person, subject)]
    again = await asyncio.gather(
        *(world.ask("POST", "/api/v1/members", json={**person, "email": "N@b.example"}) for _ in range(4))
    )

    assert [answer.status_code for answer in first] == [201, 201]
    assert sorted(answer.status_code for answer in again) == [201, 409, 409, 409]
    for body in (person, subject, {**person, "email": "A@B.example"}):
        assert (await world.ask("POST", "/api/v1/members", json=body)).status_code == 409


async def test_a_bad_secret_and_a_refusal_are_told_once_in_a_while(world: World) -> None:
    key = await mint(world)
    other = await mint(world)
    crossed = store.tokens.Token(store.tokens.parse(key["token"]).key_id, store.tokens.parse(other["token"]).secret)
    for _ in range(5):
        assert await status(world, crossed.reveal(), "GET", "/api/v1/me") == 401
        assert await status(world, key["token"], "GET", "/api/v1/keys") == 403

    entries = await world.events(key["key"]["id"])

    assert [each["type"] for each in entries] == ["key.created", "login.refused", "policy.denied"]
    assert entries[1]["data"] == {"refused": 1, "why": "unknown"}
    assert NOTED_EVERY_SECONDS >= 60


def test_every_scope_belongs_to_a_role_and_an_admin_has_all_but_work() -> None:
    assert frozenset().union(*RIGHTS.values()) == {scope for scopes in RIGHTS.values() for scope in scopes}
    assert all(RIGHTS[role] <= RIGHTS[Role.ADMIN] for role in Role if role is not Role.WORKER)
    assert INSTANCE_ID.version == 7
