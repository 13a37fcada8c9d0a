"""A receiver is handed a package whole, signed and under one id, or it is said why not; nobody else is called."""

# E16

from __future__ import annotations

import base64
import hashlib
import random
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from certificates import certificate
from delivering import SMALL, ask, deliver, insist, packed, put, stands, work
from lading.errors import DestinationRefused
from lading.exports.handoff import read_secret
from lading.jobs.model import Dead, Outcome, Retry, Throttled
from receivers import KEY, Got, Receiver, receiving
from serving import World

pytestmark = pytest.mark.anyio
SECOND = "whsec_" + base64.b64encode(b"s" * 32).decode()
LARGE = random.Random(5).randbytes(3 << 20)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def open_world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with an operator who lets packages go to this machine."""
    monkeypatch.setenv("RECEIVER_SECRET", KEY)
    allow(world, "127.0.0.0/8")
    return world


def allow(world: World, networks: str) -> None:
    settings = replace(world.services.settings, allowed_networks=networks, max_attempts=8)
    world.services = replace(world.services, settings=settings)
    transport: Any = world.http._transport
    transport.app.state.services = world.services


async def to_receiver(world: World, receiver: Receiver, **more: Any) -> dict[str, Any]:
    options = {"url": receiver.url, **more.pop("options", {})}
    given = {"credentials_ref": "env:RECEIVER_SECRET", **more}
    return await put(world, kind="webhook", options=options, **given)


async def trial(world: World) -> dict[str, Any]:
    return (await world.ask("POST", "/api/v1/destinations/archive/test")).json()


def path_of(export_id: str) -> str:
    return f"/inbox/bufdir/{export_id}/report.zip"


async def attempt(world: World, export_id: str) -> Outcome:
    """Ask for a delivery and do one attempt at it."""
    await ask(world, export_id)
    (outcome,) = await work(world)
    return outcome


# --- what comes ------------------------------------------------------------------------------------


async def test_a_package_is_put_below_the_url_with_what_says_what_it_is(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    export_id = await packed(open_world, LARGE)

    found = await deliver(open_world, export_id)

    (got,) = receiver.requests("PUT")
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(LARGE).digest()).decode()}:"
    assert (found["status"], found["bytes"], found["location"]) == (
        "delivered", len(LARGE), receiver.url + path_of(export_id).removeprefix("/inbox"),
    )  # fmt: skip
    assert (got.path, got.body, receiver.kept) == (path_of(export_id), LARGE, {path_of(export_id): LARGE})
    assert {name: got.headers.get(name) for name in ("content-length", "content-type", "content-digest")} == {
        "content-length": str(len(LARGE)), "content-type": "application/zip", "content-digest": digest,
    }  # fmt: skip
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''report.zip"
    assert (got.headers["webhook-id"], got.headers["if-none-match"]) == (f"{export_id}:archive", "*")
    assert "transfer-encoding" not in got.headers


async def test_the_signature_is_of_the_digest_and_others_verify_it(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    await deliver(open_world, await packed(open_world))

    (got,) = receiver.requests("PUT")
    Webhook(KEY).verify(got.headers["content-digest"], got.headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECOND).verify(got.headers["content-digest"], got.headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(got.headers["content-digest"], {**got.headers, "webhook-id": "exp_other:archive"})


async def test_a_secret_that_is_replaced_signs_beside_the_new_one(
    open_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECEIVER_SECRET", f"{SECOND} {KEY} Bearer hunter2")
    await to_receiver(open_world, receiver)
    await deliver(open_world, await packed(open_world))

    (got,) = receiver.requests("PUT")
    for key in (KEY, SECOND):
        Webhook(key).verify(got.headers["content-digest"], got.headers, json_parse=False)
    assert got.headers["authorization"] == "Bearer hunter2"


async def test_a_token_is_shown_in_the_header_that_was_named_and_nowhere_else(
    open_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECEIVER_SECRET", "hunter2")
    made = await to_receiver(open_world, receiver, options={"header": "X-Api-Key"})
    receiver.fail("answer", status=403, body=b"hunter2")
    found = await deliver(open_world, await packed(open_world))

    (got,) = receiver.requests("PUT")
    assert (got.headers["x-api-key"], "webhook-signature" in got.headers) == ("hunter2", False)
    assert "hunter2" not in f"{made} {found} {await trial(open_world)}"
    assert "credentials" in found["error"]["message"]


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_short",
        f"{KEY} {KEY} {KEY}",
        f"Bearer {KEY}",
        f"{KEY} Bearer two words",
        f"{KEY} Bærer x",
        "whsec_" + "A" * 33,
    ],
)
async def test_credentials_of_another_form_are_refused_and_not_quoted(
    open_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("RECEIVER_SECRET", secret)
    await to_receiver(open_world, receiver)

    found = await deliver(open_world, await packed(open_world))

    assert (found["status"], found["error"]["code"], receiver.got) == ("failed", "destination-refused", [])
    assert secret not in found["error"]["message"]
    with pytest.raises(DestinationRefused):
        read_secret(secret)


async def test_a_package_is_posted_to_the_url_itself(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver, options={"method": "POST"})
    export_id = await packed(open_world)

    found = await deliver(open_world, export_id)
    again = await deliver(open_world, export_id)

    (got, second) = receiver.requests("POST")
    assert (got.path, got.body, found["location"]) == ("/inbox", SMALL, receiver.url)
    assert (again["status"], second.headers["webhook-id"]) == ("delivered", got.headers["webhook-id"])
    assert "if-none-match" not in got.headers


# --- under one name, under one id ------------------------------------------------------------------


@pytest.mark.parametrize("tells_digest", [True, False])
async def test_the_same_package_there_already_is_delivered(
    open_world: World, receiver: Receiver, tells_digest: bool
) -> None:
    receiver.tells_digest = tells_digest
    await to_receiver(open_world, receiver)
    export_id = await packed(open_world)
    receiver.kept[path_of(export_id)] = SMALL

    found = await deliver(open_world, export_id)

    assert (found["status"], len(receiver.requests("GET"))) == ("delivered", 0 if tells_digest else 1)


@pytest.mark.parametrize("tells_digest", [True, False])
@pytest.mark.parametrize("there", [b"PK another package", b"short", b"PK a package that is longer"])
async def test_other_content_under_the_name_is_left_alone(
    open_world: World, receiver: Receiver, there: bytes, tells_digest: bool
) -> None:
    receiver.tells_digest = tells_digest
    await to_receiver(open_world, receiver)
    export_id = await packed(open_world)
    receiver.kept[path_of(export_id)] = there

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-taken")
    assert receiver.kept == {path_of(export_id): there}


async def test_other_content_is_replaced_where_that_was_asked_for(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver, overwrite=True)
    export_id = await packed(open_world)
    receiver.kept[path_of(export_id)] = b"something else"

    found = await deliver(open_world, export_id)

    assert (found["status"], receiver.kept) == ("delivered", {path_of(export_id): SMALL})


@pytest.mark.parametrize("status", [409, 412])
async def test_other_content_under_the_same_id_is_a_dead_letter(
    open_world: World, receiver: Receiver, status: int
) -> None:
    await to_receiver(open_world, receiver, options={"method": "POST"})
    receiver.fail("answer", "POST", status=status)

    found = await deliver(open_world, await packed(open_world))

    assert (found["status"], found["error"]["code"], len(receiver.got)) == ("failed", "destination-taken", 1)


async def test_a_receiver_that_took_something_else_under_the_id_is_believed(
    open_world: World, receiver: Receiver
) -> None:
    await to_receiver(open_world, receiver, options={"method": "POST"})
    export_id = await packed(open_world)
    receiver.taken[f"{export_id}:archive"] = "sha-256=:AAAA:"

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"], receiver.kept) == ("failed", "destination-taken", {})


async def test_a_folder_that_is_missing_there_is_said(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    receiver.fail("answer", status=409)  # what WebDAV says of it

    found = await deliver(open_world, await packed(open_world))

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-refused")
    assert "object_name without folders" in found["error"]["message"]


async def test_what_lies_there_is_read_back_where_that_was_asked_for(open_world: World, receiver: Receiver) -> None:
    receiver.tells_digest = False
    await to_receiver(open_world, receiver, options={"verify": "read"})
    fine = await deliver(open_world, await packed(open_world))
    spoilt = await packed(open_world)
    receiver.fail("answer", status=201)  # says yes and keeps nothing

    found = await attempt(open_world, spoilt)

    assert (fine["status"], len(receiver.requests("GET"))) == ("delivered", 1)
    assert isinstance(found, Retry)
    assert found.fault.code == "destination-unreachable"


# --- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    ("kind", "more"),
    [("cut", {"after": 0}), ("cut", {"after": 1 << 20}), ("lose", {}), ("early", {"status": 200}),
     ("answer", {"status": 500}), ("answer", {"status": 408}), ("answer", {"status": 425}),
     ("answer", {"status": 503}), ("answer", {"status": 507})],
)  # fmt: skip
async def test_whatever_passes_is_tried_again_under_the_same_id(
    open_world: World, receiver: Receiver, kind: str, more: dict[str, Any], method: str
) -> None:
    await to_receiver(open_world, receiver, options={"method": method})
    export_id = await packed(open_world, LARGE)
    made = await ask(open_world, export_id)
    receiver.fail(kind, method, times=2, **more)
    path = path_of(export_id) if method == "PUT" else "/inbox"

    found = await insist(open_world, export_id, made["job"], seen=lambda: receiver.kept, allowed=({}, {path: LARGE}))

    assert (found["status"], found["error"], receiver.kept) == ("delivered", None, {path: LARGE})
    assert {each.headers["webhook-id"] for each in receiver.requests(method)} == {f"{export_id}:archive"}
    # A PUT whose answer was lost is found there by the second attempt.
    assert len(receiver.requests(method)) == (2 if (kind, method) == ("lose", "PUT") else 3)


@pytest.mark.parametrize("kind", ["stall", "drip"])
async def test_a_receiver_that_is_slow_is_not_waited_for(open_world: World, receiver: Receiver, kind: str) -> None:
    await to_receiver(open_world, receiver, timeout_seconds=1)
    receiver.fail(kind)

    found = await attempt(open_world, await packed(open_world, LARGE))

    assert isinstance(found, Retry)
    assert found.fault.code == "destination-timeout"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_that_asks_for_a_rest_is_obeyed(open_world: World, receiver: Receiver, status: int) -> None:
    await to_receiver(open_world, receiver)
    receiver.fail("answer", status=status, headers={"Retry-After": "7"})

    found = await attempt(open_world, await packed(open_world))

    assert isinstance(found, Throttled)
    assert found.retry_after_seconds == 7


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 410, 413, 415, 422])
async def test_what_only_a_person_can_mend_ends_in_a_dead_letter(
    open_world: World, receiver: Receiver, status: int
) -> None:
    await to_receiver(open_world, receiver)
    receiver.fail("answer", status=status, body=b"<h1>hunter2</h1>")

    found = await deliver(open_world, await packed(open_world))

    assert (found["status"], found["error"]["code"], len(receiver.got)) == ("failed", "destination-refused", 1)
    assert "hunter2" not in found["error"]["message"]


async def test_no_redirect_is_followed(open_world: World, receiver: Receiver) -> None:
    with receiving() as other:
        await to_receiver(open_world, receiver)
        receiver.fail("answer", status=308, headers={"Location": other.url})

        found = await deliver(open_world, await packed(open_world))

    assert "not followed" in found["error"]["message"]
    assert (other.got, len(receiver.got)) == ([], 1)


async def test_an_endless_answer_is_not_read(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    receiver.fail("answer", status=200, headers={"Content-Length": str(1 << 40)}, body=b"x" * 100)

    assert (await deliver(open_world, await packed(open_world)))["status"] == "delivered"


async def test_a_private_address_is_not_called_unless_the_operator_allows_it(
    open_world: World, receiver: Receiver
) -> None:
    await to_receiver(open_world, receiver)
    export_id = await packed(open_world)
    allow(open_world, "10.0.0.0/8")

    found, tried = await deliver(open_world, export_id), await trial(open_world)

    assert (found["status"], found["error"]["code"], receiver.got) == ("failed", "destination-refused", [])
    assert "LADING_ALLOWED_NETWORKS" in found["error"]["message"]
    assert (tried["ok"], "LADING_ALLOWED_NETWORKS" in tried["checks"][-1]["detail"]) == (False, True)


async def test_no_proxy_of_the_environment_comes_between(
    open_world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await to_receiver(open_world, receiver)

    assert (await deliver(open_world, await packed(open_world)))["status"] == "delivered"


async def test_a_damaged_package_is_never_handed_over_whole(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    export_id = await packed(open_world, LARGE)
    (path,) = await anyio.to_thread.run_sync(lambda: [*open_world.services.settings.blobs_dir.rglob("objects/*/*/*")])
    await anyio.Path(path).write_bytes(LARGE[:-1] + bytes([LARGE[-1] ^ 1]))

    found = await attempt(open_world, export_id)

    assert isinstance(found, Retry)
    assert (found.fault.code, receiver.kept, whole(receiver.got)) == ("storage-failed", {}, 0)


def whole(got: list[Got]) -> int:
    return sum(each.is_whole for each in got)


async def test_a_receiver_over_tls_proves_its_name(
    open_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path / "tls.pem", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    allow(open_world, "127.0.0.0/8,::1/128")
    with receiving(context) as receiver:
        await to_receiver(open_world, receiver)
        export_id = await packed(open_world, LARGE)
        distrusted = await attempt(open_world, export_id)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))

        found = await deliver(open_world, export_id)

    assert isinstance(distrusted, Dead)
    assert "certificate" in distrusted.fault.message
    assert (found["status"], receiver.kept) == ("delivered", {path_of(export_id): LARGE})


async def test_a_killed_delivery_leaves_nothing_to_remove(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    export_id = await packed(open_world)
    made = await ask(open_world, export_id)
    receiver.fail("answer", status=500)
    await work(open_world)

    await open_world.ask("POST", f"/api/v1/jobs/{made['job']}/cancel", json={"reason": "a mistake"})
    await work(open_world)

    assert ((await stands(open_world, export_id))["status"], receiver.kept) == ("cancelled", {})


# --- registering and trying ------------------------------------------------------------------------


async def test_a_trial_says_whether_the_receiver_answers(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver)
    fine = await trial(open_world)
    found: list[bool] = []
    for status in (401, 302, 429, 500):
        receiver.fail("answer", "HEAD", status=status)
        found.append((await trial(open_world))["ok"])
    receiver.fail("answer", "HEAD", status=405)

    assert (fine["ok"], found, (await trial(open_world))["ok"]) == (True, [False] * 4, True)
    assert "answers (404)" in fine["checks"][-1]["detail"]
    assert (receiver.kept, {each.method for each in receiver.got}) == ({}, {"HEAD"})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"url": "ftp://receiver.example.org"},
        {"url": "https://user:hunter2@receiver.example.org/inbox"},
        {"url": "https://receiver.example.org/inbox?token=hunter2"},
        {"url": "https://receiver.example.org/a/../b"},
        {"url": "https://receiver.example.org/in box"},
        {"url": "https://receiver.example.org", "method": "DELETE"},
        {"url": "https://receiver.example.org", "header": "Host"},
        {"url": "https://receiver.example.org", "header": "Webhook-Id"},
        {"url": "https://receiver.example.org", "header": "Content-Digest"},
        {"url": "https://receiver.example.org", "header": "X: y"},
        {"url": "https://receiver.example.org", "method": "POST", "verify": "read"},
        {"url": "https://receiver.example.org", "bucket": "packages"},
    ],
)
async def test_what_can_be_no_receiver_is_refused(open_world: World, options: dict[str, str]) -> None:
    told = await put(open_world, status=422, kind="webhook", options=options, credentials_ref="env:RECEIVER_SECRET")

    assert told["errors"][0]["pointer"] == "/options"


async def test_a_receiver_needs_credentials(open_world: World) -> None:
    options = {"url": "https://receiver.example.org/inbox"}
    told = await put(open_world, status=422, kind="webhook", options=options)

    assert told["errors"][0]["pointer"] == "/credentials_ref"


async def test_a_requeued_delivery_is_handed_over_under_the_same_id(open_world: World, receiver: Receiver) -> None:
    await to_receiver(open_world, receiver, options={"method": "POST"})
    export_id = await packed(open_world)
    receiver.fail("answer", "POST", status=400)
    await deliver(open_world, export_id)

    made = await ask(open_world, export_id)
    await work(open_world)

    assert (await stands(open_world, export_id))["status"] == "delivered"
    assert len({each.headers["webhook-id"] for each in receiver.got}) == 1
    assert made["destination"] == "archive"
