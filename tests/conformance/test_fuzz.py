"""
Whatever is sent, the running server answers what its document says: no server error, no undocumented status.

Schemathesis makes requests from the document, right ones and wrong ones, and sends them over a real connection with
the key of an instance admin, who may do the most; each is sent once more with names that exist.
"""

# E1, A7; the document itself is compared with the committed one in test_openapi.

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lading.api import server
from lading.api.services import Services
from lading.db.database import Database
from lading.exports import registry
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store
from lading.tenants.model import INSTANCE_ID, Role
from lading.wiring import listening
from lading.wiring.services import opened
from serving import PROFILE, REQUEST

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

PARTS = 8
PATIENCE_SECONDS = 60.0  # on a machine that others use, too
_REAL: dict[str, dict[str, object]] = {
    "/api/v1/exports": REQUEST,
    "/api/v1/bufdir-exports": {"org_id": "nordlys", "format": "csv", "period_from": "2024-01-01"},
    "/api/v1/keys": {"role": "viewer"},
    "/api/v1/jobs/{job_id}/prioritise": {"reason": "fuzz"},
    "/api/v1/dead-letters/requeue": {"reason": "fuzz"},
    "/api/v1/jobs": {"kind": "noop", "payload": {}, "source": "", "priority": 0},
    "/api/v1/jobs/{job_id}/retry": {"reason": "fuzz"},
    "/api/v1/jobs/{job_id}/replay": {"reason": "fuzz"},
    "/api/v1/jobs/actions": {"action": "pause", "filter": {"kind": "noop"}, "all": False, "reason": "fuzz"},
    "/api/v1/schedules/{name}": {"cron": "0 4 * * *", "zone": "Europe/Oslo", "kind": "noop", "payload": {}},
    "/api/v1/schedules/{name}/pause": {"reason": "fuzz"},
    "/api/v1/schedules/{name}/run": {"reason": "fuzz"},
    "/api/v1/pauses": {"scope": "kind", "target": "noop", "reason": "fuzz"},
}


@dataclass
class Running:
    """A server in a thread of its own, and what exists on it."""

    url: str
    token: str
    stop: asyncio.Event
    services: Services
    loop: asyncio.AbstractEventLoop
    names: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of the instance's admin, acting for a tenant."""
        return {"Authorization": f"Bearer {self.token}", "Lading-Tenant": "nordlys"}


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[Running]:
    started: Future[Running] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(database_url, tmp_path, started)))
    thread.start()
    served = started.result(200)
    try:
        with httpx2.Client(base_url=served.url, headers=served.headers, timeout=PATIENCE_SECONDS) as http:
            export = http.post("/api/v1/exports", json=REQUEST)
            http.put("/api/v1/sources/activities", json={"credentials_ref": "env:LADING_TEST_UNSET"})
            job = http.get("/api/v1/jobs").json()["items"][0]
            served.names |= {"export_id": export.json()["id"], "slug": "nordlys", "job_id": job["id"]}
            served.names |= {"kind": job["kind"], "source": job["source"]}
        yield served
    finally:
        served.loop.call_soon_threadsafe(served.stop.set)
        thread.join(200)
        assert not thread.is_alive()


async def _serve(url: str, folder: Path, started: Future[Running]) -> None:
    stop = asyncio.Event()
    try:
        token = await _furnish(url)
        with listening.listen("127.0.0.1", 0) as listener:
            async with opened(Settings(data_dir=folder, database_url=url), url) as services:
                started.set_result(
                    Running(listening.address(listener), token, stop, services, asyncio.get_running_loop())
                )
                await server.serve(services, listener=listener, stop=stop)
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
        raise


async def _furnish(url: str) -> str:
    database = Database(url)
    await database.open()
    async with database.system() as tx:
        minted = await store.mint_key(tx, INSTANCE_ID, name="fuzz", role=Role.ADMIN, actor=SYSTEM)
        tenant = await store.create_tenant(tx, "nordlys", name="nordlys", actor=SYSTEM)
    async with database.tenant(tenant.id) as tx:
        await registry.put(tx, PROFILE, actor=SYSTEM, activate=True)
    await database.close()
    return minted.token


# In parts, so that several processes have some to do.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_gets_an_answer_that_is_not_documented(running: Running, part: int) -> None:
    schema = schemathesis.openapi.from_url(f"{running.url}/api/v1/openapi.json")
    sent: Counter[str] = Counter()
    for found in list(schema.get_all_operations())[part::PARTS]:
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @settings(
                max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case: schemathesis.Case) -> None:
                for each in _both(case, running):
                    answer = each.call_and_validate(headers=running.headers, checks=CHECKS, timeout=PATIENCE_SECONDS)
                    sent[f"{answer.status_code // 100}xx"] += 1

            with contextlib.suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked for
                send()

    print(f"{sent.total()} requests: {dict(sent)}")
    assert sent.total() >= 3000 // PARTS
    assert sent["2xx"] > 150 // PARTS
    assert sent["4xx"] > 300 // PARTS
    assert not sent["5xx"]


def _both(case: schemathesis.Case, running: Running) -> Iterator[schemathesis.Case]:
    if "wait" in case.query:
        case.query["wait"] = 0.01
    yield case
    names = running.names | {"name": "activities" if "/sources/" in case.path else "bufdir"}
    known = {key: names[key] for key in names.keys() & case.path_parameters.keys()}
    case.path_parameters.update(known)
    real = _REAL.get(case.path, {}) if isinstance(case.body, dict) else {}
    if real:
        case.body.update(real)
    if known or real:
        yield case


def test_a_request_that_waits_is_answered_when_the_server_stops(running: Running) -> None:
    answers: Future[httpx2.Response] = Future()

    def ask() -> None:
        path = f"/api/v1/exports/{running.names['export_id']}?wait=60"
        with httpx2.Client(base_url=running.url, headers=running.headers, timeout=90) as http:
            answers.set_result(http.get(path))

    asking = threading.Thread(target=ask)
    asking.start()
    with httpx2.Client(base_url=running.url, headers=running.headers, timeout=PATIENCE_SECONDS) as http:
        while not running.services.stopping._waiters:  # the request waits now
            assert http.get("/readyz").status_code == 200
        began = time.monotonic()
        running.loop.call_soon_threadsafe(running.stop.set)
        answer = answers.result(50)

    asking.join()
    assert time.monotonic() - began < 50  # of the 60 it would have waited
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
