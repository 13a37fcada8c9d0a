"""Whoever is to be called is told each event, signed, at least once under one id, and nobody else is called."""

# E14

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from psycopg.sql import SQL
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lading import ids
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM, Entry
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer
from lading.sources.guarded import Door
from lading.tenants.model import Role
from lading.webhooks import fanout, store
from lading.webhooks import handler as webhook_handler
from lading.webhooks.handler import WebhookHandler
from lading.webhooks.store import JOB_KIND
from lading.worker import execute
from lading.worker.execute import Attempt
from serving import World

pytestmark = pytest.mark.anyio
SIGNER = Signer.generate("log")
BASE = "/api/v1/webhooks"
WHY = {"reason": "a drill", "ticket": "OPS-1"}


@dataclass
class Receiver:
    """Somebody's server: keeps what it was sent, and answers as told."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.got.append((request.path, {name.lower(): value for name, value in request.headers.items()}, body))
        status, headers = self.answers.pop(0) if self.answers else (204, {})
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.answer(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its word
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/hooks?from=lading"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Desk:
    """An admin with webhooks, and a worker."""

    world: World
    receiver: Receiver
    networks: str = "127.0.0.1/32"

    async def create(self, slug: str = "nordlys", **fields: Any) -> dict[str, Any]:
        body = {"url": self.receiver.url, "topics": ["exports"], **fields}
        answer = await self.world.ask("POST", BASE, slug=slug, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def happen(self, *types: str, slug: str = "nordlys", subject: str = "exp_x", **data: Any) -> None:
        """Let something happen, reach the tree, and be put on its way."""
        database = self.world.services.database
        async with database.tenant(self.world.organisations[slug].id) as tx:
            await ledger.record(tx, *(Entry(each, subject, SYSTEM, data) for each in types))
        while await integrate(database, SIGNER, origin_prefix="lading.test"):
            continue
        await fanout.spread(database)

    async def call(self) -> None:
        """Make every call that is due, once."""
        services = self.world.services
        settings = replace(services.settings, allowed_networks=self.networks)
        handlers = {JOB_KIND: WebhookHandler(services.database, settings, services.vault)}
        for claimed in await self.world.claim():
            begun = await execute.begin(services.database, claimed)
            assert begun is not None
            job, fence = begun
            outcome = await execute.run(handlers, job, Attempt(fence))
            await execute.settle(services.database, services.endings, fence, outcome, kind=job.kind)

    async def hasten(self) -> None:
        """Let what waits for its next attempt be due."""
        async with self.world.services.database.tenant(self.world.organisations["nordlys"].id) as tx:
            await tx.run(
                SQL("UPDATE jobs SET state = 'pending', due_at = now() - interval '1 second' WHERE state = 'scheduled'")
            )

    async def log(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        return (await self.world.ask("GET", f"{BASE}/{webhook['webhook']['id']}/deliveries")).json()["items"]

    async def now(self, webhook: dict[str, Any]) -> dict[str, Any]:
        return (await self.world.ask("GET", f"{BASE}/{webhook['webhook']['id']}")).json()

    async def run(self, statement: str) -> None:
        async with self.world.services.database.tenant(self.world.organisations["nordlys"].id) as tx:
            await tx.run(SQL(statement))  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def desk(world: World, receiver: Receiver) -> Desk:
    await world.headers()
    made = Desk(world, receiver)
    await made.happen()
    return made


async def test_a_job_that_is_cancelled_as_its_call_begins_calls_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins, goes_on, ends = threading.Event(), threading.Event(), threading.Event()

    class Late(Door):
        def __init__(self, *given: Any) -> None:
            begins.set()
            goes_on.wait(60)
            super().__init__(*given)

        def close(self) -> None:
            super().close()
            ends.set()

    monkeypatch.setattr(webhook_handler, "Door", Late)
    await desk.create()
    await desk.happen("export.completed")
    services = desk.world.services
    settings = replace(services.settings, allowed_networks=desk.networks)
    handler = WebhookHandler(services.database, settings, services.vault)
    (claimed,) = await desk.world.claim()
    begun = await execute.begin(services.database, claimed)
    assert begun is not None
    job, fence = begun

    calling = asyncio.create_task(handler.run(job, Attempt(fence)))
    await asyncio.to_thread(begins.wait, 60)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    goes_on.set()
    await asyncio.to_thread(ends.wait, 60)

    assert not desk.receiver.got


async def test_an_event_is_told_with_a_signature_that_others_verify(desk: Desk) -> None:
    made = await desk.create()

    await desk.happen("export.completed", "job.completed", rows=7)
    await desk.call()

    ((path, headers, body),) = desk.receiver.got
    told = Webhook(made["secret"]).verify(body, headers)
    (logged,) = await desk.log(made)
    assert path == "/hooks?from=lading"
    assert (told["type"], told["data"]["subject"], told["data"]["data"]) == ("export.completed", "exp_x", {"rows": 7})
    assert headers["webhook-id"] == logged["id"]
    assert (logged["state"], logged["attempts"], logged["status"], logged["event"]) == (
        "delivered", 1, 204, told["data"]["id"],
    )  # fmt: skip
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(body + b" ", headers)


async def test_a_call_that_is_sent_again_by_another_is_told_from_ours(desk: Desk) -> None:
    made = await desk.create()
    await desk.happen("export.completed")
    await desk.call()
    ((_, headers, body),) = desk.receiver.got
    late = int(headers["webhook-timestamp"]) - 3600
    hour_ago = datetime.fromtimestamp(late, UTC)
    old = {"webhook-timestamp": str(late)}
    signed = {**old, "webhook-signature": Webhook(made["secret"]).sign(headers["webhook-id"], hour_ago, body.decode())}

    for replayed in (old, {"webhook-id": "msg_other"}):
        with pytest.raises(WebhookVerificationError):
            Webhook(made["secret"]).verify(body, {**headers, **replayed})
    with pytest.raises(WebhookVerificationError, match="old"):  # even one of ours, when its time is over
        Webhook(made["secret"]).verify(body, {**headers, **signed})


async def test_both_secrets_sign_while_one_takes_the_place_of_the_other(desk: Desk) -> None:
    made = await desk.create()
    rotate = f"{BASE}/{made['webhook']['id']}/rotate-secret"
    second = (await desk.world.ask("POST", rotate, json={"overlap_seconds": 3600})).json()

    await desk.happen("export.completed")
    await desk.call()
    await desk.run("UPDATE webhooks SET old_until = now() - interval '1 second'")
    await desk.happen("export.failed")
    await desk.call()

    (_, during, first_body), (_, after, last_body) = desk.receiver.got
    for secret in (made["secret"], second["secret"]):
        Webhook(secret).verify(first_body, during)
    Webhook(second["secret"]).verify(last_body, after)
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(last_body, after)
    assert made["secret"] != second["secret"]


async def test_a_failed_call_is_tried_again_under_the_same_id(desk: Desk) -> None:
    made = await desk.create()
    desk.receiver.answers = [(500, {}), (302, {"Location": desk.receiver.url}), (200, {})]

    await desk.happen("export.completed")
    for _ in range(3):
        await desk.call()
        await desk.hasten()

    (logged,) = await desk.log(made)
    assert len({headers["webhook-id"] for _, headers, _ in desk.receiver.got}) == 1
    assert len(desk.receiver.got) == 3
    assert (logged["state"], logged["attempts"]) == ("delivered", 3)


async def test_a_rest_that_is_asked_for_is_kept_and_costs_no_attempt(desk: Desk) -> None:
    made = await desk.create()
    desk.receiver.answers = [(429, {"Retry-After": "120\x1f"}), (200, {})]

    await desk.happen("export.completed")
    await desk.call()
    await desk.call()
    asked = len(desk.receiver.got)
    await desk.hasten()
    await desk.call()

    (logged,) = await desk.log(made)
    assert (asked, len(desk.receiver.got)) == (1, 2)
    assert (logged["state"], logged["attempts"]) == ("delivered", 1)


async def test_a_webhook_that_is_gone_is_called_no_more(desk: Desk) -> None:
    made = await desk.create()
    desk.receiver.answers = [(410, {})]

    await desk.happen("export.completed")
    await desk.call()
    await desk.happen("export.failed")
    await desk.call()

    stands = await desk.now(made)
    (logged,) = await desk.log(made)
    assert (stands["is_enabled"], stands["disabled_because"], logged["state"]) == (False, "gone", "failed")
    assert len(desk.receiver.got) == 1
    assert "webhook.disabled" in [each["type"] for each in await desk.world.events(made["webhook"]["id"])]


async def test_a_webhook_that_failed_for_days_is_disabled_and_goes_on_when_it_is_enabled(desk: Desk) -> None:
    made = await desk.create()
    desk.receiver.answers = [(500, {}), (500, {})]

    await desk.happen("export.completed")
    await desk.call()
    await desk.run("UPDATE webhooks SET failing_since = now() - interval '6 days'")
    await desk.hasten()
    await desk.call()
    failed = await desk.now(made)
    await desk.happen("export.failed")
    body = {"url": desk.receiver.url, "topics": ["exports"]}
    await desk.world.over("PUT", f"{BASE}/{made['webhook']['id']}", json=body)
    await desk.happen()
    await desk.call()

    assert (failed["is_enabled"], failed["disabled_because"]) == (False, "failing")
    assert desk.receiver.types[-1] == "export.failed"
    assert (await desk.now(made))["failing_since"] is None


async def test_a_webhook_that_asks_for_rest_again_and_again_is_disabled_after_days(desk: Desk) -> None:
    made = await desk.create()
    desk.receiver.answers = [(503, {"Retry-After": "1"}), (503, {"Retry-After": "1"})]

    await desk.happen("export.completed")
    await desk.call()
    resting = await desk.now(made)
    await desk.run("UPDATE webhooks SET failing_since = failing_since - interval '6 days'")
    await desk.hasten()
    await desk.call()

    stands, (logged,) = await desk.now(made), await desk.log(made)
    assert resting["is_enabled"]
    assert (stands["is_enabled"], stands["disabled_because"], logged["state"]) == (False, "failing", "failed")


async def test_webhooks_that_stand_still_keep_no_other_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "_WEBHOOKS", 1)
    monkeypatch.setattr(fanout, "_MOST_PENDING", 1)
    first, second = await desk.create(topics=["exports"]), await desk.create(topics=["runs"])
    await desk.happen("export.completed")

    await desk.happen("run.failed", "export.failed")

    told = [[each["type"] for each in await desk.log(each)] for each in (first, second)]
    assert told == [["export.completed"], ["run.failed"]]


async def test_an_address_inside_is_never_called(desk: Desk) -> None:
    made = await desk.create()
    desk.networks = ""

    await desk.happen("export.completed")
    await desk.call()

    (logged,) = await desk.log(made)
    assert desk.receiver.got == []
    assert (logged["state"], logged["status"]) == ("failed", None)
    assert "127.0.0.1" not in logged["error"]


async def test_two_who_spread_at_once_and_one_that_dies_tell_an_event_once(desk: Desk) -> None:
    made = await desk.create()
    database = desk.world.services.database
    tenant, identifier = desk.world.organisations["nordlys"].id, ids.parse(ids.WEBHOOK, made["webhook"]["id"])
    async with database.tenant(tenant) as tx:
        await ledger.record(tx, Entry("export.completed", "exp_x", SYSTEM))
    await integrate(database, SIGNER, origin_prefix="lading.test")

    # One that has taken the webhook and dies holds nothing up for longer than its transaction, and decides nothing.
    with pytest.raises(RuntimeError):
        async with database.tenant(tenant) as tx:
            await tx.one(SQL("SELECT FROM webhooks WHERE id = %(id)s FOR UPDATE"), id=identifier)
            assert await fanout.spread(database) == 0
            raise RuntimeError("killed")
    counts = [await fanout.spread(database), await fanout.spread(database)]

    assert counts == [1, 0]
    assert len(await desk.log(made)) == 1


async def test_nobody_is_told_of_another_tenant_or_sees_its_webhooks(desk: Desk) -> None:
    made = await desk.create(slug="fjord")
    one = f"{BASE}/{made['webhook']['id']}"

    await desk.happen("export.completed")
    await desk.call()
    asked = [
        await desk.world.ask("GET", one),
        await desk.world.ask("PUT", one, json={"url": desk.receiver.url, "topics": ["exports"]}),
        await desk.world.ask("DELETE", one, json=WHY),
        await desk.world.ask("POST", f"{one}/rotate-secret"),
        await desk.world.ask("POST", f"{one}/test"),
        await desk.world.ask("GET", f"{one}/deliveries"),
    ]

    assert desk.receiver.got == []
    assert {answer.status_code for answer in asked} == {404}
    assert (await desk.world.ask("GET", BASE)).json() == {"items": []}


async def test_a_message_is_told_again_on_request_and_a_test_at_any_time(desk: Desk) -> None:
    made = await desk.create()
    one = f"{BASE}/{made['webhook']['id']}"
    await desk.happen("export.completed")
    await desk.call()
    (logged,) = await desk.log(made)

    again = await desk.world.ask("POST", f"{one}/deliveries/{logged['id']}/redeliver", json=WHY)
    busy = await desk.world.ask("POST", f"{one}/deliveries/{logged['id']}/redeliver", json=WHY)
    await desk.call()
    tested = await desk.world.ask("POST", f"{one}/test")
    await desk.call()

    assert (again.status_code, busy.status_code, tested.status_code) == (202, 409, 202)
    assert desk.receiver.types == ["export.completed", "export.completed", "webhook.test"]
    assert desk.receiver.got[0][1]["webhook-id"] == desk.receiver.got[1][1]["webhook-id"]
    for _, headers, body in desk.receiver.got:
        Webhook(made["secret"]).verify(body, headers)


async def test_the_log_is_read_in_pages_and_by_state(desk: Desk) -> None:
    made = await desk.create()
    await desk.happen(*["export.created"] * 5)
    await desk.call()
    path = f"{BASE}/{made['webhook']['id']}/deliveries"

    first = (await desk.world.ask("GET", path, params={"limit": 3})).json()
    rest = (await desk.world.ask("GET", path, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    none = (await desk.world.ask("GET", path, params={"state": "failed"})).json()

    seen = [each["id"] for each in (*first["items"], *rest["items"])]
    assert (len(seen), len(set(seen)), seen) == (5, 5, sorted(seen, reverse=True))
    assert (rest["next_cursor"], none["items"]) == (None, [])


async def test_messages_are_forgotten_when_they_ended_long_ago(desk: Desk) -> None:
    database = desk.world.services.database
    made = await desk.create()
    await desk.happen(*["export.created"] * 2)
    await desk.call()
    await desk.happen("export.completed")  # waits for its call
    path = f"{BASE}/{made['webhook']['id']}/deliveries"

    early = await fanout.forget(database, days=1)
    late = await fanout.forget(database, days=0)

    (left,) = (await desk.world.ask("GET", path)).json()["items"]
    assert (early, late) == (0, 2)
    assert (left["type"], left["state"]) == ("export.completed", "pending")


async def test_cloud_events_are_told_as_such(desk: Desk) -> None:
    made = await desk.create(format="cloudevents")

    await desk.happen("export.completed")
    await desk.call()

    ((_, headers, body),) = desk.receiver.got
    told = json.loads(body)
    Webhook(made["secret"]).verify(body, headers)
    assert headers["content-type"] == "application/cloudevents+json"
    assert (told["specversion"], told["id"], told["type"], told["subject"]) == (
        "1.0", headers["webhook-id"], "export.completed", "exp_x",
    )  # fmt: skip


async def test_what_is_too_long_is_told_without_its_data(desk: Desk) -> None:
    await desk.create()

    await desk.happen("export.completed", files=["x" * 400] * 100)
    await desk.call()

    ((_, _, body),) = desk.receiver.got
    assert len(body) < 20_000
    assert json.loads(body)["data"]["is_cut"] is True


async def test_a_secret_is_shown_once_and_stored_sealed(desk: Desk) -> None:
    made = await desk.create()
    raw = made["secret"].removeprefix("whsec_")

    shown = [await desk.now(made), (await desk.world.ask("GET", BASE)).json()]
    async with desk.world.services.database.tenant(desk.world.organisations["nordlys"].id) as tx:
        (row,) = await tx.all(SQL("SELECT encode(secret, 'base64') AS secret, webhooks::text AS all FROM webhooks"))

    assert raw not in json.dumps(shown)
    assert raw not in row["secret"] + row["all"]
    assert raw not in json.dumps(await desk.world.events(made["webhook"]["id"]))


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://example.org/"},
        {"url": "https://user:pw@example.org/"},
        {"url": "https://example.org/#part"},
        {"url": "https://" + "a" * 2001},
        {"topics": []},
        {"topics": ["weather"]},
        {"topics": ["jobs"]},
        {"topics": ["webhooks"]},
        {"types": ["job.completed"]},
        {"types": ["export.exploded"]},
        {"format": "xml"},
        {"timeout_seconds": 31},
        {"description": "two\nlines"},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_a_webhook_that_can_not_be_is_refused(world: World, fields: dict[str, Any]) -> None:
    body = {"url": "https://example.org/hooks", "topics": ["exports"], **fields}

    answer = await world.ask("POST", BASE, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert (await world.ask("GET", BASE)).json() == {"items": []}


async def test_who_follows_exports_is_told_when_one_waits_for_a_word(desk: Desk) -> None:
    await desk.create()

    await desk.happen("approval.requested", "approval.approved", "policy.denied")
    await desk.call()

    assert desk.receiver.types == ["approval.requested", "approval.approved"]


async def test_of_many_who_add_the_last_webhook_at_once_one_does(desk: Desk) -> None:
    await desk.create()
    await desk.run(
        "INSERT INTO webhooks SELECT (jsonb_populate_record(w, jsonb_build_object('id', gen_random_uuid()))).* "
        f"FROM webhooks AS w, generate_series(1, {store.MOST - 2})"
    )
    body = {"url": desk.receiver.url, "topics": ["exports"]}

    answers = await asyncio.gather(*(desk.world.ask("POST", BASE, json=body) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


async def test_only_admins_change_webhooks_and_at_the_version_they_read(desk: Desk) -> None:
    made = await desk.create()
    one, body = f"{BASE}/{made['webhook']['id']}", {"url": "https://example.org/", "topics": ["runs"]}

    denied = await desk.world.ask("PUT", one, role=Role.OPERATOR, json=body)
    viewer = await desk.world.ask("GET", BASE, role=Role.VIEWER)
    stale = await desk.world.ask("PUT", one, json=body, headers={"If-Match": '"v7"'})
    changed = await desk.world.ask("PUT", one, json=body, headers={"If-Match": '"v1"'})
    unsaid = await desk.world.ask("DELETE", one)
    gone = await desk.world.ask("DELETE", one, json=WHY, headers={"If-Match": '"v2"'})

    assert [each.status_code for each in (denied, viewer, stale, changed, unsaid, gone)] == [
        403, 403, 412, 200, 400, 204,
    ]  # fmt: skip
    assert changed.headers["etag"] == '"v2"'
