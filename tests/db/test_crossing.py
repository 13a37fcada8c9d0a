"""Nobody of one organisation sees, changes or learns of anything of another's, by any route and any table there is."""

# A6: routes come from the app and tables from the catalog, so that what is new is tried, or fails here by name.

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from psycopg import errors
from psycopg.sql import SQL, Identifier

from crossing import BODIES, MARK, NAME, PATHS, Attempt, attempts, strangers, unknown
from lading.api.app import routes
from lading.api.auth import Open
from lading.api.routing import Route
from lading.db.database import Database
from lading.db.transaction import Role as DatabaseRole
from lading.tenants.model import Role
from serving import PROFILE, World

pytestmark = pytest.mark.anyio

_ID = re.compile(r"[a-z]{3}_[0-9a-z]{26}|[0-9a-f]{64}")
# Looking changes these, and nothing else: when a key was last used.
_TOUCHED = {"api_keys": ["last_used_at"]}
_LAST = {"GET": 0, "HEAD": 0, "DELETE": 1, "POST": 2, "PATCH": 3, "PUT": 3}


class Victim:
    """Everything that nordlys has, and what it is called."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.names: dict[str, str] = {"tile": "entries/000.p/1"}
        self.cursors: dict[str, str] = {}
        self.ids: set[str] = set()

    async def ask(self, method: str, path: str, *, slug: str = "nordlys", **options: Any) -> httpx2.Response:
        headers = {"Lading-Tenant": "nordlys"} if slug == "instance" else {}
        answer = await self.world.ask(method, f"/api/v1{path}", slug=slug, headers=headers, **options)
        assert answer.status_code < 300, (method, path, answer.text)
        self.ids |= set(_ID.findall(answer.text)) - {"0" * 64}
        return answer

    async def settle(self) -> None:
        """Let the victim have one of everything that can be made over HTTP or by a worker."""
        why = {"reason": f"{MARK}GRUNN", "ticket": f"{MARK}-1"}
        world, names = self.world, self.names
        source = {"credentials_ref": f"env:{MARK}"}
        await self.ask("PUT", f"/sources/{NAME}", slug="instance", json=source)
        bucket = {"kind": "s3", "options": {"bucket": f"{NAME}-bucket"}, **source}
        await self.ask("PUT", f"/destinations/{NAME}", slug="instance", json=bucket)
        document = {**PROFILE, "profile": NAME, "title": f"{MARK}TITTEL"}
        await self.ask("PUT", f"/profiles/{NAME}", params={"activate": True}, json=document)
        (dead,) = await world.dead()
        export = (await self.ask("POST", "/exports", json={"profile": "bufdir", "period": PERIOD})).json()
        await world.complete(export["id"], content=MARK.encode(), name=NAME)
        files = (await self.ask("GET", f"/exports/{export['id']}/artifacts")).json()
        run = await self.ask("POST", "/runs", json={"name": NAME, "nodes": [{"key": MARK.lower(), "kind": "noop"}]})
        await self.ask("POST", "/jobs", json={"kind": "noop"})
        pause = await self.ask("POST", "/pauses", json={"scope": "source", "target": NAME, **why})
        await self.ask("PUT", "/quotas/noop", json={"max_active": 7, **why})
        await self.ask("PUT", f"/rate-limits/{NAME}", json={"rate": 1.0, "burst": 1.0, **why})
        policy = {"max_attempts": 3, "base_seconds": 1.0, "cap_seconds": 2.0, **why}
        await self.ask("PUT", "/retry-policies/noop/timeout", json=policy)
        key = await self.ask("POST", "/keys", json={"name": f"{MARK}NOKKEL", "role": "viewer"})
        person = {"role": "viewer", "email": f"{NAME}@x.example", "name": MARK}
        member = await self.ask("POST", "/members", json=person)
        provider = {"issuer": f"https://{NAME}.example", "audience": MARK}
        await self.ask("PUT", f"/identity-providers/{NAME}", json=provider)
        hold = await self.ask("POST", "/holds", json={"export": export["id"], **why})
        await self.ask("PUT", f"/retention-rules/profile:{NAME}", json={"days": 9, **why})
        rule = {"rule": "formats", "reason": MARK, "formats": ["csv"]}
        await self.ask("PUT", f"/policies/{NAME}", json={"policy": NAME, "rules": [rule]})
        body = {"cron": "0 3 * * *", "payload": {"profile": NAME}, "period": "previous-month"}
        await self.ask("PUT", f"/schedules/{NAME}", json=body)
        names |= strangers() | {"name": NAME, "slug": "nordlys", "email": person["email"], "rule": f"profile:{NAME}"}
        names |= {"export_id": export["id"], "job_id": dead, "run_id": run.json()["id"], "pause_id": pause.json()["id"]}
        names |= {"key_id": key.json()["key"]["id"], "member_id": member.json()["id"], "hold_id": hold.json()["id"]}
        names |= {"digest": files["items"][0]["sha256"], "subject": export["id"], "run_name": NAME}
        await self._look_around()

    async def _look_around(self) -> None:
        # Reads every list as its owner: what it holds is what must not be seen, its cursors what must not be used.
        for route in routes():
            if route.methods == {"GET"} and "{" not in route.path and not isinstance(route.gate, Open):
                if route.gate.only_instance:
                    continue
                asked = {"limit": 1} if any(each.alias == "limit" for each in route.dependant.query_params) else {}
                answer = await self.world.ask("GET", route.path, params=asked)
                if answer.headers.get("content-type") == "application/json" and "next_cursor" in answer.text:
                    cursor = answer.json().get("next_cursor")
                    if cursor is not None:
                        self.cursors[route.path] = cursor


PERIOD = {"from": "2024-01-01", "to": "2024-12-31"}


@pytest.fixture
async def victim(world: World) -> Victim:
    for slug in ("nordlys", "fjord", "instance"):
        await world.headers(slug)
    made = Victim(world)
    await made.settle()
    return made


def test_every_route_is_known_how_to_be_tried() -> None:
    tried = [route for route in routes() if not isinstance(route.gate, Open)]

    assert {route.name: unknown(route) for route in tried if unknown(route)} == {}
    names = strangers()
    assert set(PATHS.values()) <= set(names)
    assert all(make(names) is not None for make in BODIES.values())


async def test_no_route_tells_or_changes_anything_of_another_tenant(victim: Victim) -> None:
    world, tried, leaks = victim.world, 0, list[str]()
    before = await _everything(world.services.database, victim)
    other = strangers()
    for route in sorted(routes(), key=lambda each: _LAST[next(iter(each.methods))]):
        if isinstance(route.gate, Open):
            continue
        for mine, nobodys in zip(
            attempts(route, victim.names, victim.cursors), attempts(route, other, victim.cursors), strict=True
        ):
            told, blank = await _answers(world, mine, nobodys)
            tried += 1
            leaks += _leaks(route, mine, told, blank, victim, other)
    after = await _everything(world.services.database, victim)

    assert leaks == []
    assert [table for table in before if before[table] != after[table]] == []
    assert tried > 100
    print(f"\n{tried} attempts over {len(routes())} routes: 0 leaks, {sum(map(len, before.values()))} rows untouched")


async def test_naming_another_tenant_in_the_header_opens_no_route(victim: Victim) -> None:
    for route in routes():
        if isinstance(route.gate, Open):
            continue
        for attempt in list(attempts(route, victim.names, {}))[:1]:
            answer = await _ask(victim.world, attempt, {"Lading-Tenant": "nordlys"})
            assert answer.status_code >= 400 or not _seen(answer, attempt, victim, set()), str(attempt)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
async def test_people_of_the_instance_who_are_no_admins_see_no_tenant(victim: Victim, role: Role) -> None:
    for route in routes():
        if "GET" in route.methods and not isinstance(route.gate, Open):
            for attempt in attempts(route, victim.names, victim.cursors):
                headers = {"Lading-Tenant": "nordlys"}
                answer = await _ask(victim.world, attempt, headers, slug="instance", role=role)
                assert not _seen(answer, attempt, victim, set()), str(attempt)


async def test_no_table_shows_or_takes_a_row_of_another_tenant(victim: Victim) -> None:
    database, mine = victim.world.services.database, victim.world.organisations["nordlys"].id
    fjord = victim.world.organisations["fjord"].id
    held = {table: rows for table, rows in (await _everything(database, victim)).items() if rows}
    assert {"exports", "jobs", "members", "identity_providers", "api_keys", "ledger_pending"} <= set(held)
    for table in held:
        name = Identifier(table)
        for statement in (
            SQL("SELECT count(*) AS found FROM {} WHERE tenant_id = %(mine)s"),
            SQL("WITH t AS (DELETE FROM {} WHERE tenant_id = %(mine)s RETURNING 1) SELECT count(*) AS found FROM t"),
            SQL("WITH t AS (UPDATE {} SET tenant_id = %(fjord)s WHERE tenant_id = %(mine)s RETURNING 1) "
                "SELECT count(*) AS found FROM t"),
        ):  # fmt: skip
            try:
                async with database.tenant(fjord) as tx:
                    row = await tx.one(statement.format(name), mine=mine, fjord=fjord)
            except errors.InsufficientPrivilege:
                continue
            assert row["found"] == 0, (table, statement)
        with pytest.raises((errors.InsufficientPrivilege, errors.GeneratedAlways)):
            async with database.tenant(fjord) as tx:
                await tx.run(
                    SQL("INSERT INTO {} SELECT (jsonb_populate_record(NULL::{}, %(row)s::jsonb)).*").format(name, name),
                    row=held[table][0],
                )
    assert await _everything(database, victim)


async def _answers(world: World, *pair: Attempt) -> list[httpx2.Response]:
    return [await _ask(world, attempt, {}) for attempt in pair]


async def _ask(
    world: World, attempt: Attempt, headers: dict[str, str], *, slug: str = "fjord", role: Role = Role.ADMIN
) -> httpx2.Response:
    options: dict[str, Any] = {} if attempt.body is None else {"json": attempt.body}
    return await world.ask(
        attempt.method,
        attempt.path,
        slug=slug,
        role=role,
        params=attempt.query,
        headers={"Accept": "application/json", **headers},
        **options,
    )


def _leaks(
    route: Route, attempt: Attempt, told: httpx2.Response, blank: httpx2.Response, victim: Victim, other: dict[str, str]
) -> list[str]:
    found = [f"{attempt}: shows {each}" for each in _seen(told, attempt, victim, set())]
    if told.status_code != blank.status_code:
        found.append(f"{attempt}: {told.status_code}, but {blank.status_code} for what nobody has")
    elif told.status_code >= 400 and _bare(told, victim.names) != _bare(blank, other):
        found.append(f"{attempt}: says {told.text!r}, but {blank.text!r} of what nobody has")
    if told.status_code >= 500:
        found.append(f"{attempt}: {told.status_code} {told.text}")
    return found


def _seen(answer: httpx2.Response, attempt: Attempt, victim: Victim, known: set[str]) -> list[str]:
    sent = f"{attempt.path} {attempt.query} {attempt.body}"
    text = f"{answer.text} {dict(answer.headers)}"
    hidden = {*victim.ids, MARK, f"{NAME}@x.example", f"https://{NAME}.example"} - known
    return [each for each in hidden if each in text and each not in sent]


def _bare(answer: httpx2.Response, names: dict[str, str]) -> str:
    """Return what an error says, without the names that were asked for and the id of the request."""
    said = answer.json() if answer.text else {}
    text = repr({name: said.get(name) for name in ("code", "title", "status", "detail", "errors")})
    for name in sorted(set(names.values()), key=len, reverse=True):
        text = text.replace(name, "•")
    return text


async def _everything(database: Database, victim: Victim) -> dict[str, list[str]]:
    """Return every row of the victim's, by table, as text: of all tables that the catalog knows."""
    tenant = victim.world.organisations["nordlys"].id
    found: dict[str, list[str]] = {}
    async with database.connection() as connection:
        await connection.execute("SELECT set_config('role', 'none', false)")
    async with database.tenant(tenant) as tx:
        tables = await tx.all(
            SQL(
                "SELECT c.relname AS name FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "
                "WHERE a.attname = 'tenant_id' AND c.relkind IN ('r', 'p') "
                "AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
            )
        )
    for table in (row["name"] for row in tables):
        less = SQL("to_jsonb(t) - %(touched)s::text[]")
        try:
            async with database.tenant(tenant) as tx:
                assert tx.role is DatabaseRole.APP
                rows = await tx.all(
                    SQL("SELECT ({})::text AS line FROM {} AS t ORDER BY 1").format(less, Identifier(table)),
                    touched=_TOUCHED.get(table, []),
                )
        except errors.InsufficientPrivilege:
            continue  # not even its own tenant reads it
        found[table] = [row["line"] for row in rows]
    return found
