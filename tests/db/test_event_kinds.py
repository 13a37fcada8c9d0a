"""
Every kind of entry in the ledger is produced by a test, through the doors that people and workers use.

`event_kinds.PROOFS` names the test for each; the fixture `tells_its_kinds` looks into that test's own database when it
has ended, so a name that is wrong fails the test that it names.  A new kind needs a line there.
"""  # A1

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL

import event_kinds
from lading import ids
from lading.jobs import attempts
from lading.jobs import store as jobs
from lading.ledger.entry import EVENT_TYPES
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer
from lading.webhooks import fanout
from serving import World

HERE = Path(__file__).parent


def test_every_kind_is_produced_by_a_test() -> None:
    proved = {kind for tests in event_kinds.PROOFS.values() for kinds in tests.values() for kind in kinds}

    assert sorted(EVENT_TYPES.keys() - proved) == []
    assert sorted(proved - EVENT_TYPES.keys()) == []


def test_every_test_that_is_named_exists() -> None:
    missing: list[str] = []
    for file, tests in event_kinds.PROOFS.items():
        body = ast.parse((HERE / f"{file}.py").read_text("utf-8")).body
        known = {each.name for each in body if isinstance(each, ast.AsyncFunctionDef | ast.FunctionDef)}
        missing += [f"{file}: {name}" for name in tests if name not in known]

    assert missing == []


def test_what_an_auditor_looks_for_is_among_the_kinds() -> None:
    """Issue 6, item 2, by its own words."""
    wanted = {
        "every state change": ("job.started", "job.completed", "job.dead", "job.cancelled", "export.completed"),
        "limit decisions": ("lane.blocked", "lane.released", "enqueue.refused", "bucket.adapted", "breaker.opened"),
        "policy decisions": ("policy.denied", "approval.requested", "approval.approved", "approval.rejected"),
        "operator actions": ("pause.set", "job.prioritised", "export.retried", "hold.placed", "quota.set"),
        "downloads": ("export.downloaded", "export.download_cut", "export.link_made"),
        "key changes": ("key.created", "key.rotated", "key.revoked", "signing_key.rotated", "signing_key.revoked"),
        "configuration revisions": ("configuration.changed", "profile.revised", "policy.revised", "source.registered"),
        "log-in failures": ("login.refused",),
    }

    assert {what: [kind for kind in kinds if kind not in EVENT_TYPES] for what, kinds in wanted.items()} == {
        what: [] for what in wanted
    }


async def started(world: World) -> dict[str, Any]:
    """An export that a worker has begun."""
    made = await world.export()
    (claimed,) = await world.claim()
    async with world.services.database.tenant(claimed.tenant_id) as tx:
        await attempts.start(tx, claimed)
    await world.run(made["id"])
    return made


@pytest.mark.anyio
async def test_a_running_export_that_is_to_stop_is_told_in_the_ledger(world: World) -> None:
    made = await started(world)

    answer = await world.ask("POST", f"/api/v1/exports/{made['id']}/cancel", json={"reason": "not needed"})

    assert answer.status_code in {200, 202}, answer.text


@pytest.mark.anyio
async def test_a_job_whose_time_has_come_is_told_in_the_ledger(world: World) -> None:
    job = await world.job(due_at="2099-01-01T00:00:00Z")
    database = world.services.database
    async with database.tenant(world.organisations["nordlys"].id) as tx:
        await tx.run(
            SQL("UPDATE jobs SET due_at = now() - interval '1 hour' WHERE id = %(id)s"),
            id=ids.parse(ids.JOB, job["id"]),
        )

    async with database.system() as tx:
        promoted = await jobs.promote(tx)

    assert promoted == 1


@pytest.mark.anyio
async def test_a_member_that_is_changed_and_removed_is_told_in_the_ledger(world: World) -> None:
    body = {"role": "viewer", "email": "kari@x.example"}
    added = (await world.ask("POST", "/api/v1/members", json=body)).json()

    changed = await world.over("PUT", f"/api/v1/members/{added['id']}", json={"role": "requester"})
    removed = await world.over("DELETE", f"/api/v1/members/{added['id']}", json={"reason": "left"})

    assert (changed.status_code, removed.status_code) == (200, 204), changed.text + removed.text


@pytest.mark.anyio
async def test_a_provider_that_is_believed_no_more_is_told_in_the_ledger(world: World) -> None:
    path = "/api/v1/identity-providers/own"
    body = {"issuer": "https://own.example", "audience": "own"}
    put = await world.over("PUT", path, json=body)
    gone = await world.over("DELETE", path, json={"reason": "another one"})

    assert (put.status_code < 300, gone.status_code) == (True, 204), put.text + gone.text


@pytest.mark.anyio
async def test_a_call_of_a_webhook_that_is_stopped_is_told_in_the_ledger(world: World) -> None:
    body = {"url": "https://hooks.example/in", "topics": ["exports"]}
    assert (await world.ask("POST", "/api/v1/webhooks", json=body)).status_code == 201
    await world.export()
    while await integrate(world.services.database, Signer.generate("log"), origin_prefix="lading.local"):
        pass
    await fanout.spread(world.services.database)
    found = (await world.ask("GET", "/api/v1/jobs", params={"kind": "webhook"})).json()["items"]

    answers = [
        await world.ask("POST", f"/api/v1/jobs/{each['id']}/cancel", json={"reason": "not needed"}) for each in found
    ]

    assert {each.status_code for each in answers} == {200}
