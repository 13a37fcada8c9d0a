"""An erasure reaches every place of the database where words about people are kept, and says where there are none."""

# Issue 6, item 2: personal data only as commitments whose openings can be erased; and with the things themselves.

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from lading import ids
from lading.jobs import attempts
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer
from lading.tenants.model import Role
from serving import World

pytestmark = pytest.mark.anyio

WORDS = "Kari Nordmann ringte og ba om det"
SIGNER = Signer.generate("log")

# What somebody wrote in a sentence: an erasure takes it away.
ERASED: Final = frozenset({
    "allocations.reason", "api_keys.revoke_reason", "approvals.reason", "buckets.reason", "call_quotas.reason",
    "dead_letters.reason", "disclosures.value", "holds.lift_reason", "holds.reason", "jobs.cancel_reason",
    "pauses.lift_reason", "pauses.reason", "policy_activations.reason", "profile_activations.reason", "quotas.reason",
    "retention_rules.reason", "retry_policies.reason", "runs.cancel_reason", "schedules.pause_reason",
    "tenants.suspend_reason",
    # A job that was cancelled tells the reason as its error.
    "attempts.error", "finished_jobs.error",
})  # fmt: skip

# Why an erasure leaves the other texts: columns of any table, or of one, as regular expressions.
KEPT: Final[Mapping[str, str]] = {
    "an outer id, or a name that the code gives": (
        r".*\.(placed_by|lifted_by|created_by|closed_by|decided_by|activated_by|set_by|asked_by|paused_by|requested_by)"
        r"|.*\.(worker|subject|kind|actor_id|about|owner_id|owner_kind|keyid|host|target|source|parent|child|key)"
    ),
    "one of few words that a CHECK or the code allows": (
        r".*\.(state|status|stage|outcome|scope|code|scopes|role|roles|asked_role|decided_role|owner_role|strategy"
        r"|class|on_failure|stop_code|catch_up|overlap|approval|waiting_for|object_state|disabled_because|type|types"
        r"|topics|format|tzdata|zone|cron|period|local|path|action|fault|media_type)|login_refusals\.reason"
    ),
    "the number of a ticket: letters, digits and . _ # / - (`is_ticket`)": r".*\.\w*ticket",
    "the name of a thing, chosen by who set it up; a thing is renamed or deleted": (
        r".*\.(name|slug|profile|destination|destinations|origin|object_name)|webhooks\.(url|description)"
    ),
    "where something is, or how to reach it": (
        r".*\.(location|blob_key|upload_id|etag|credentials_ref|attachments_ref|issuer|audience|mark|encrypt_to)"
    ),
    "settings and requests, which go with their thing": (
        r".*\.(options|document|payload|parameters|selector|definition|rules|require|inputs)"
    ),
    "what a program counted or found; messages name columns and places, not values": (
        r".*\.(progress|warnings|result|counts|fingerprint|message)|(deliveries|exports|webhook_messages|jobs)\.error"
        r"|export_parts\.(low|high)"
    ),
    "digests, signatures and lines, which hold ids, counts and commitments alone": (
        r".*\.(digest|line|note|root|frontier|hashes|hash|known_root|token|salt|commitment|secret|old_secret)"
        r"|.*\.\w+_digest"
    ),
    "of a person who may log in; removing the member takes them away": r"members\.(email|name|subject|issuer)",
}


def texts(database_url: str) -> Sequence[str]:
    """Every column that can hold words."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT relname || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
            " AND attnum > 0 AND NOT attisdropped"
            " AND atttypid = ANY ('{text,text[],jsonb,json,bytea,varchar,xml}'::regtype[]) ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


def places(database_url: str, words: str) -> set[str]:
    """The columns that hold these words, as text or as bytes."""
    found: set[str] = set()
    with psycopg.connect(database_url) as connection:
        for column in texts(database_url):
            table, name = column.split(".")
            row = connection.execute(
                SQL("SELECT count(*) FROM {} WHERE {}::text LIKE %s OR {}::text LIKE %s").format(
                    Identifier(table), Identifier(name), Identifier(name)
                ),
                (f"%{words}%", f"%{words.encode().hex()}%"),
            ).fetchone()
            if row is not None and row[0]:
                found.add(column)
    return found


def test_every_text_of_the_schema_is_erased_or_has_a_reason_to_stay(database_url: str) -> None:
    columns = set(texts(database_url))

    known = {column for column in columns for why in KEPT.values() if re.fullmatch(why, column)} - ERASED

    assert sorted(columns - known - ERASED) == []
    assert sorted(ERASED - columns) == []


def test_what_is_erased_is_named_by_the_statement_of_its_layer() -> None:
    told = "".join(
        (files(f"lading.{layer}") / "queries" / "forget_words.sql").read_text("utf-8")
        for layer in ("exports", "jobs", "limits", "schedules", "tenants")
    )
    updates = re.findall(r"UPDATE (\w+) SET(.*?)WHERE", told, re.DOTALL)

    reached = {
        f"{table}.{name}" for table, body in updates for name in re.findall(r"(\w+) = (?:%\(mark|CASE|jsonb)", body)
    }

    assert reached == ERASED - {"disclosures.value"}


async def planted(world: World) -> None:
    """Say the words wherever a person can say some."""
    said = {"reason": WORDS}

    async def do(method: str, path: str, *, role: Role = Role.ADMIN, slug: str = "nordlys", **more: Any) -> Any:
        answer = await world.over(method, f"/api/v1{path}", role=role, slug=slug, json={**said, **more})
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.content else None

    await world.export()
    [claimed] = await world.claim()
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        await attempts.start(tx, claimed)
    await do("POST", f"/jobs/{ids.show(ids.JOB, claimed.job_id)}/cancel")
    [dead] = await world.dead()
    await do("POST", f"/dead-letters/{dead}/discard")
    await do("PUT", "/allocations/nordlys", slug="instance", strategy="unlimited")
    await do("PUT", "/rate-limits/activities", rate=1.0, burst=1)
    await do("PUT", "/quotas/noop", max_active=3)
    await do("PUT", "/call-quotas/exports", max_per_hour=100)
    await do("PUT", "/retry-policies/noop/timeout", max_attempts=3, base_seconds=1.0, cap_seconds=2.0)
    await do("PUT", "/retention-rules/tenant", days=30)
    paused = await do("POST", "/pauses", scope="kind", target="noop")
    await do("POST", f"/pauses/{paused['id']}/resume")
    hold = await do("POST", "/holds", profile="bufdir")
    await do("POST", f"/holds/{hold['id']}/lift")
    job = await world.job()
    await do("POST", f"/jobs/{job['id']}/cancel")


async def erase_all(world: World) -> int:
    """Erase the entries that commit to the words; return how many copies went with them."""
    while await integrate(world.services.database, SIGNER, origin_prefix="lading.local"):
        pass
    answer = await world.ask("GET", "/api/v1/privacy/openings", params={"limit": 1000}, role=Role.AUDITOR)
    copies = 0
    for index in {each["index"] for each in answer.json()["items"] if each["value"] == WORDS}:
        erased = await world.ask("POST", "/api/v1/privacy/erasures", json={"entry": index, "reason": "asked to"})
        assert erased.status_code == 200, erased.text
        copies += erased.json()["copies"]
    return copies


async def test_erasing_the_entries_takes_the_words_from_wherever_they_are_kept(world: World, database_url: str) -> None:
    await planted(world)
    before = places(database_url, WORDS)

    copies = await erase_all(world)

    assert before >= {
        "allocations.reason", "buckets.reason", "call_quotas.reason", "dead_letters.reason", "finished_jobs.error",
        "holds.lift_reason", "holds.reason", "jobs.cancel_reason", "pauses.lift_reason", "pauses.reason",
        "quotas.reason", "retention_rules.reason", "retry_policies.reason",
    }  # fmt: skip
    assert places(database_url, WORDS) == set()
    assert copies > 0


async def test_a_worker_that_still_has_the_words_does_not_bring_them_back(world: World, database_url: str) -> None:
    job = await world.job()
    [claimed] = await world.claim()
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        _, fence = await attempts.start(tx, claimed)
    await world.ask("POST", f"/api/v1/jobs/{job['id']}/cancel", json={"reason": WORDS})
    await erase_all(world)

    async with world.services.database.tenant(claimed.tenant_id) as tx:
        await attempts.cancel_running(tx, fence, WORDS)

    assert places(database_url, WORDS) == set()


async def test_words_of_a_person_go_by_who_said_them_even_when_their_openings_went_before(
    world: World, database_url: str
) -> None:
    await world.ask("POST", "/api/v1/pauses", json={"scope": "kind", "target": "noop", "reason": WORDS})
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM disclosures")
        [by] = connection.execute("SELECT created_by FROM pauses").fetchone() or [""]

    answer = await world.ask("POST", "/api/v1/privacy/erasures", json={"subject": by, "reason": "asked to"})
    shown = await world.ask("GET", "/api/v1/pauses")

    assert (answer.json()["erased"], answer.json()["copies"]) == (0, 1)
    assert [each["reason"] for each in shown.json()["items"]] == ["(erased)"]
    assert places(database_url, WORDS) == set()


async def test_the_same_words_of_another_tenant_stay(world: World, database_url: str) -> None:
    for slug in ("nordlys", "fjord"):
        await world.ask("POST", "/api/v1/pauses", slug=slug, json={"scope": "kind", "target": "noop", "reason": WORDS})

    await erase_all(world)

    shown = await world.ask("GET", "/api/v1/pauses", slug="fjord")
    assert [each["reason"] for each in shown.json()["items"]] == [WORDS]


@pytest.mark.parametrize(("table", "column"), sorted(each.split(".") for each in ERASED if "reason" in each))
async def test_a_role_of_the_api_may_take_words_away_there(database_url: str, table: str, column: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT has_column_privilege('lading_app', %s, %s, 'UPDATE')", (table, column)
        ).fetchone()

    assert row == (True,)


async def test_words_with_which_exports_are_cancelled_go_from_their_errors_too(world: World, database_url: str) -> None:
    waiting = (await world.export())["id"]
    await world.ask("POST", f"/api/v1/exports/{waiting}/cancel", json={"reason": WORDS})
    running = (await world.export())["id"]
    [claimed] = await world.claim()
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        _, fence = await attempts.start(tx, claimed)
    await world.ask("POST", f"/api/v1/exports/{running}/cancel", json={"reason": WORDS})
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        await attempts.cancel_running(tx, fence, WORDS)
    assert "finished_jobs.error" in places(database_url, WORDS)

    await erase_all(world)

    assert places(database_url, WORDS) == set()


async def test_a_job_that_ends_while_words_are_erased_takes_none_along(world: World, database_url: str) -> None:
    job = await world.job()
    [claimed] = await world.claim()
    database = world.services.database
    async with database.tenant(claimed.tenant_id) as tx:
        _, fence = await attempts.start(tx, claimed)
    await world.ask("POST", f"/api/v1/jobs/{job['id']}/cancel", json={"reason": WORDS})

    async with asyncio.TaskGroup() as group, database.tenant(claimed.tenant_id) as tx:
        await attempts.cancel_running(tx, fence, WORDS)
        erasing = group.create_task(erase_all(world))
        await waits_for_a_lock(database_url, erasing)
    assert erasing.result() > 0

    assert places(database_url, WORDS) == set()


async def waits_for_a_lock(url: str, task: asyncio.Task[Any]) -> None:
    """Return when somebody waits for a lock, or when the task is done without one."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not task.done() and not connection.execute(query).rowcount:  # noqa: ASYNC110 - only PostgreSQL knows
            await asyncio.sleep(0)
