"""Whatever is wrong with a request is answered with a code; nothing of it is stored, nothing of others is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from psycopg.sql import SQL

from lading.tenants.model import Role
from serving import REQUEST, World

pytestmark = pytest.mark.anyio
EXPORTS, JOBS = "/api/v1/exports", "/api/v1/jobs"
TEXT = {"Content-Type": "application/json"}
DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
STORED = SQL(
    "SELECT (SELECT count(*) FROM exports) AS exports, (SELECT count(*) FROM jobs) AS jobs, "
    "(SELECT count(*) FROM idempotency_keys) AS keys, (SELECT count(*) FROM schedules) AS schedules"
)


async def stored(world: World) -> dict[str, Any]:
    """Return how much there is, and what the ledger has; of both organisations."""
    found: dict[str, Any] = {}
    for slug in ("nordlys", "fjord"):
        async with world.services.database.tenant(world.organisations[slug].id) as tx:
            found[slug] = dict(await tx.one(STORED))
    async with world.services.database.ledger() as tx:
        found["ledger"] = (await tx.one(SQL("SELECT count(*) AS n FROM ledger_pending")))["n"]
    return found


CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("NUL in a field", "POST", EXPORTS, {"content": b'{"profile": "a\\u0000", "period": {}}'}),
    ("NUL in a name", "POST", EXPORTS, {"content": b'{"\\u0000": 1}'}),
    ("NUL in the URL", "GET", f"{EXPORTS}?profile=a%00", {}),
    ("NUL in a path", "GET", f"{EXPORTS}/exp_%00", {}),
    ("half of a surrogate pair", "POST", EXPORTS, {"content": b'{"profile": "\\ud800", "period": {}}'}),
    ("half of a surrogate pair, encoded", "POST", EXPORTS, {"content": b'{"profile": "\xed\xa0\x80", "period": {}}'}),
    ("not UTF-8", "POST", EXPORTS, {"content": b'{"profile": "\xff"}'}),
    ("2**63", "POST", JOBS, {"json": {"kind": "noop", "priority": 2**63}}),
    ("-2**63 - 1", "POST", JOBS, {"json": {"kind": "noop", "priority": -(2**63) - 1}}),
    ("2**64 in a payload", "POST", JOBS, {"json": {"kind": "noop", "payload": {"seconds": 2**64}}}),
    ("2**63 in a query", "GET", f"{JOBS}?limit={2**63}", {}),
    ("2**63 as an ETag", "PATCH", "/api/v1/schedules/x", {"json": {}, "headers": {"If-Match": f'"v{2**63}"'}}),
    ("a number without end", "POST", JOBS, {"content": b'{"kind": "noop", "priority": ' + b"9" * 100_000 + b"}"}),
    ("1e999", "POST", JOBS, {"content": b'{"kind": "noop", "payload": {"seconds": 1e999}}'}),
    ("NaN", "POST", JOBS, {"content": b'{"kind": "noop", "payload": {"seconds": NaN}}'}),
    ("a negative limit", "GET", f"{EXPORTS}?limit=-1", {}),
    ("a negative limit of events", "GET", "/api/v1/events?limit=-1", {}),
    ("a negative wait", "GET", f"{EXPORTS}/exp_01ke2m0v8ye6h9y3v4n5p6q7r8?wait=-1", {}),
    ("10,000 deep", "POST", JOBS, {"content": DEEP}),
    ("10,000 lists deep", "POST", JOBS, {"content": b"[" * 10_000 + b"]" * 10_000}),
    ("10,000 deep in a payload", "POST", JOBS, {"content": b'{"kind": "noop", "payload": ' + DEEP + b"}"}),
    ("a name twice", "POST", JOBS, {"content": b'{"kind": "noop", "kind": "export"}'}),
    ("more than fits", "POST", JOBS, {"content": b'{"kind": "noop", "subject": "' + b"x" * (1 << 20) + b'"}'}),
]


@pytest.mark.parametrize(("method", "path", "sent"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_what_cannot_be_is_a_problem_and_leaves_nothing(
    world: World, method: str, path: str, sent: dict[str, Any]
) -> None:
    await world.headers()
    before = await stored(world)
    options = dict(sent)
    if "content" in options:
        options["headers"] = TEXT

    answer = await world.ask(method, path, **options)

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["code"] in {"invalid-input", "too-large", "not-found"}, answer.text
    assert len(answer.content) < 2000
    assert await stored(world) == before


async def test_a_gibibyte_is_refused_before_it_is_sent(world: World) -> None:
    token = await world.headers()
    before = await stored(world)
    sent = 0

    async def body() -> Any:
        nonlocal sent
        while sent < 1 << 30:
            sent += 1 << 16
            yield b" " * (1 << 16)

    told = await world.http.post(JOBS, content=b" ", headers={**token, **TEXT, "Content-Length": str(1 << 30)})
    streamed = await world.http.post(JOBS, content=body(), headers={**token, **TEXT})

    assert [(each.status_code, each.json()["code"]) for each in (told, streamed)] == [(413, "too-large")] * 2
    assert sent < 1 << 23
    assert await stored(world) == before


async def test_a_cursor_of_another_list_or_organisation_opens_nothing(world: World) -> None:
    for slug in ("nordlys", "fjord"):
        for _ in range(3):
            await world.ask("POST", JOBS, slug=slug, json={"kind": "noop"})
    theirs = (await world.ask("GET", JOBS, slug="fjord", params={"limit": 1})).json()["next_cursor"]
    mine = (await world.ask("GET", JOBS, params={"limit": 1})).json()["next_cursor"]
    before = await stored(world)

    foreign = await world.ask("GET", JOBS, params={"cursor": theirs})
    elsewhere = await world.ask("GET", "/api/v1/keys", params={"cursor": mine})
    forged = await world.ask("GET", JOBS, params={"cursor": mine[:-2] + "zz"})

    own = {each["id"] for each in (await world.ask("GET", JOBS)).json()["items"]}
    seen = {each["id"] for each in foreign.json().get("items", [])}
    assert seen <= own
    assert [elsewhere.status_code, forged.status_code] == [422, 422]
    assert await stored(world) == before


async def test_tokens_that_are_over_forged_or_for_others_open_nothing(world: World) -> None:
    minted = (await world.ask("POST", "/api/v1/keys", json={"name": "k", "role": "admin"})).json()
    token: str = minted["token"]
    await world.ask("POST", f"/api/v1/keys/{minted['key']['id']}/rotate", json={"overlap_seconds": 0})
    other = (await world.headers("fjord", Role.ADMIN))["Authorization"].removeprefix("Bearer ")
    export = (await world.ask("POST", EXPORTS, json=REQUEST)).json()["id"]
    before = await stored(world)

    forged = (token, token[:-1] + "x", token.replace("ldg_", "ldl_"), "ldg_", "eyJ.eyJ.x", "", "Bearer", "\u00e6")
    refused = [await world.http.get(EXPORTS, headers={"Authorization": f"Bearer {each}".encode()}) for each in forged]
    foreign = await world.http.get(f"{EXPORTS}/{export}", headers={"Authorization": f"Bearer {other}"})

    assert {each.status_code for each in refused} == {401}
    assert not any(token in each.text for each in refused)
    assert foreign.status_code == 404
    assert {**await stored(world), "ledger": 0} == {**before, "ledger": 0}  # refusals are told


async def test_a_key_that_was_used_with_another_body_does_nothing(world: World) -> None:
    for path, one, two in (
        (JOBS, {"kind": "noop"}, {"kind": "noop", "priority": 5}),
        (EXPORTS, REQUEST, {**REQUEST, "format": "xlsx"}),
    ):
        headers = {"Idempotency-Key": f"once-{path}"}
        first = await world.ask("POST", path, json=one, headers=headers)
        before = await stored(world)
        crowd: list[httpx2.Response] = await asyncio.gather(
            *(world.ask("POST", path, json=two, headers=headers) for _ in range(4))
        )
        again = await world.ask("POST", path, json=json.loads(json.dumps(one)), headers=headers)

        assert {(each.status_code, each.json()["code"]) for each in crowd} == {(422, "idempotency-key-reused")}
        assert again.json()["id"] == first.json()["id"]
        assert await stored(world) == before
