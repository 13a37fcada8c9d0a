"""A container of Azure gets a package whole, once, or it is said why not; nothing in half is ever seen there."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from azure_server import ACCOUNT, KEY, Container, container, signature
from delivering import SMALL, ask, deliver, hasten, insist, packed, put, stands, work
from lading.jobs.model import Dead, Retry, Throttled
from serving import World
from stores import Store, faulty

pytestmark = pytest.mark.anyio


@pytest.fixture
def open_world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with an operator who lets packages go to this machine."""
    monkeypatch.setenv("STORE_KEYS", KEY)
    allow(world, "127.0.0.0/8")
    return world


def allow(world: World, networks: str) -> None:
    settings = replace(world.services.settings, allowed_networks=networks, max_attempts=8)
    world.services = replace(world.services, settings=settings)
    transport: Any = world.http._transport
    transport.app.state.services = world.services


@pytest.fixture
def store(azure: str) -> Iterator[Store]:
    with faulty(azure) as made:
        yield made


@pytest.fixture
def place(azure: str) -> Container:
    return container(azure)


async def to_container(world: World, store: Store, place: Container, **more: Any) -> None:
    options = {
        "account": ACCOUNT, "container": place.name, "endpoint": f"{store.url}/{ACCOUNT}", **more.pop("options", {}),
    }  # fmt: skip
    await put(world, kind="azure", options=options, credentials_ref="env:STORE_KEYS", **more)


async def trial(world: World) -> dict[str, Any]:
    return (await world.ask("POST", "/api/v1/destinations/archive/test")).json()


def key_of(export_id: str) -> str:
    return f"bufdir/{export_id}/report.zip"


async def test_a_package_is_delivered_to_a_container(open_world: World, store: Store, place: Container) -> None:  # E16
    await to_container(open_world, store, place, options={"prefix": "in år/"})
    export_id = await packed(open_world, SMALL)

    found = await deliver(open_world, export_id)
    again = await deliver(open_world, export_id)

    key = f"in år/{key_of(export_id)}"
    url = f"{store.url}/{ACCOUNT}/{place.name}/in%20%C3%A5r/{key_of(export_id)}"
    assert (found["status"], again["status"], found["location"]) == ("delivered", "delivered", url)
    assert place.content() == {key: SMALL}
    assert (store.count("PUT", "comp=block&"), store.count("PUT", "comp=blocklist")) == (1, 1)
    told = place.client.get_blob_client(key).get_blob_properties()
    assert (told.metadata, told.content_settings.content_type) == (
        {"lading_sha256": found["sha256"]}, "application/zip",
    )  # fmt: skip


async def test_no_proxy_of_the_environment_comes_between(
    open_world: World, store: Store, place: Container, monkeypatch: pytest.MonkeyPatch
) -> None:  # E16: the address that was judged is the one that is called
    await to_container(open_world, store, place)
    export_id = await packed(open_world, SMALL)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert (await deliver(open_world, export_id))["status"] == "delivered"


async def test_an_upload_goes_on_where_it_stopped(open_world: World, store: Store, place: Container) -> None:  # E16, P2
    content = random.Random(2).randbytes(20 << 20)
    await to_container(open_world, store, place)
    export_id = await packed(open_world, content)
    made = await ask(open_world, export_id)
    store.fail("PUT", "MDAwMDM", times=2, status=500)  # the third block

    (first,) = await work(open_world)
    waiting, seen = await stands(open_world, export_id), place.content()
    await hasten(open_world, made["job"])
    await work(open_world)

    assert isinstance(first, Retry)
    assert first.fault.code == "destination-unreachable"
    assert (waiting["status"], waiting["error"]["code"], seen) == ("pending", "destination-unreachable", {})
    assert [store.count("PUT", f"MDAwMD{number}") for number in "EIM"] == [1, 1, 3]
    assert place.content() == {key_of(export_id): content}
    assert (await stands(open_world, export_id))["status"] == "delivered"


async def test_blocks_that_the_store_dropped_are_sent_again(  # E16, P2
    open_world: World, store: Store, place: Container
) -> None:
    content = random.Random(3).randbytes(9 << 20)
    await to_container(open_world, store, place)
    export_id = await packed(open_world, content)
    made = await ask(open_world, export_id)
    store.fail("PUT", "MDAwMDI", times=2, status=500)  # the second block
    await work(open_world)
    blob = place.client.get_blob_client(key_of(export_id))
    blob.upload_blob(b"", overwrite=True)  # drops the blocks that wait
    blob.delete_blob()

    await hasten(open_world, made["job"])
    await work(open_world)

    assert store.count("PUT", "MDAwMDE") == 2
    assert place.content() == {key_of(export_id): content}


@pytest.mark.parametrize(
    ("method", "part", "kind"),
    [
        ("PUT", "comp=block&", "cut"),
        ("PUT", "comp=block&", "lose"),
        ("PUT", "comp=block&", "md5"),
        ("PUT", "comp=block&", "spoil"),
        ("PUT", "comp=blocklist", "cut"),
        ("PUT", "comp=blocklist", "lose"),
        ("PUT", "comp=blocklist", "answer"),
        ("HEAD", "report.zip", "answer"),
        ("HEAD", "report.zip", "cut"),
    ],
)
async def test_whatever_the_store_does_there_is_one_blob_in_the_end(  # E16, P2
    open_world: World, store: Store, place: Container, method: str, part: str, kind: str
) -> None:
    await to_container(open_world, store, place)
    export_id = await packed(open_world, SMALL)
    made = await ask(open_world, export_id)
    store.fail(method, part, kind, times=2, status=500)
    allowed = ({}, {key_of(export_id): SMALL})

    found = await insist(open_world, export_id, made["job"], seen=place.content, allowed=allowed)

    assert (found["status"], found["error"]) == ("delivered", None)
    assert place.content() == {key_of(export_id): SMALL}
    assert place.waiting(key_of(export_id)) == {}


@pytest.mark.parametrize(("status", "code"), [(429, "TooManyRequests"), (503, "ServerBusy")])
async def test_a_store_that_asks_for_a_rest_is_obeyed(  # E16, O5
    open_world: World, store: Store, place: Container, status: int, code: str
) -> None:
    await to_container(open_world, store, place)
    await ask(open_world, await packed(open_world, SMALL))
    store.fail("HEAD", times=9, status=status, headers={"Retry-After": "7", "x-ms-error-code": code})

    (outcome,) = await work(open_world)

    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [
        (403, "AuthorizationPermissionMismatch", "destination-refused"),
        (404, "ContainerNotFound", "destination-refused"),
        (409, "BlobImmutableDueToPolicy", "destination-refused"),
        (400, "InvalidBlobOrBlock", "destination-refused"),
        (307, "", "destination-failed"),
        (400, "InvalidHeaderValue", "destination-failed"),
    ],
)
async def test_what_only_a_person_can_mend_ends_in_a_dead_letter(  # E16
    open_world: World, store: Store, place: Container, status: int, word: str, code: str
) -> None:
    await to_container(open_world, store, place)
    export_id = await packed(open_world, SMALL)
    headers = {"x-ms-error-code": word} if word else {"Location": "http://127.0.0.1:9/elsewhere"}
    store.fail("PUT", "comp=block&", times=9, status=status, code=word, headers=headers)

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", code), found
    assert (place.content(), store.count("PUT", "comp=block&")) == ({}, 1)
    jobs = (await open_world.ask("GET", "/api/v1/jobs", params={"kind": "delivery"})).json()["items"]
    (clearing,) = [each["id"] for each in jobs if each["state"] == "scheduled"]
    await hasten(open_world, clearing)
    (outcome,) = await work(open_world)
    assert not isinstance(outcome, Dead | Retry)
    assert place.content() == {}


@pytest.mark.parametrize(
    ("status", "word", "code"),
    [(507, "InsufficientStorage", "destination-full"), (500, "OperationTimedOut", "destination-timeout")],
)
async def test_what_may_pass_is_tried_again(  # E16
    open_world: World, store: Store, place: Container, status: int, word: str, code: str
) -> None:
    await to_container(open_world, store, place)
    await ask(open_world, await packed(open_world, SMALL))
    store.fail("PUT", "comp=block&", times=2, status=status, code=word, headers={"x-ms-error-code": word})

    (outcome,) = await work(open_world)

    assert isinstance(outcome, Retry)
    assert outcome.fault.code == code


async def test_a_store_that_is_too_slow_is_left(open_world: World, store: Store, place: Container) -> None:  # E16
    await to_container(open_world, store, place, timeout_seconds=1)
    await ask(open_world, await packed(open_world, SMALL))
    store.fail("HEAD", kind="hold", times=9)

    (outcome,) = await work(open_world)
    store.released.set()

    assert isinstance(outcome, Retry)
    assert outcome.fault.code == "destination-timeout"


async def test_other_content_in_the_container_is_left_alone_unless_that_is_wanted(  # E16
    open_world: World, store: Store, place: Container
) -> None:
    await to_container(open_world, store, place, object_name="{file}")
    place.client.upload_blob("report.zip", b"somebody else's")
    export_id = await packed(open_world, SMALL)

    refused = await deliver(open_world, export_id)
    kept = place.content()
    await to_container(open_world, store, place, object_name="{file}", overwrite=True)
    found = await deliver(open_world, export_id)

    assert (refused["status"], refused["error"]["code"]) == ("failed", "destination-taken")
    assert kept == {"report.zip": b"somebody else's"}
    assert (found["status"], place.content()) == ("delivered", {"report.zip": SMALL})


async def test_content_that_comes_while_a_package_is_sent_is_left_alone(  # E16, P2
    open_world: World, store: Store, place: Container
) -> None:
    await to_container(open_world, store, place, object_name="{file}")
    export_id = await packed(open_world, SMALL)
    store.fail("HEAD", status=404, headers={"x-ms-error-code": "BlobNotFound"})  # looked before it came
    place.client.upload_blob("report.zip", b"somebody else's")

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-taken")
    assert store.count("PUT", "comp=blocklist") == 1
    assert place.content() == {"report.zip": b"somebody else's"}


@pytest.mark.parametrize("content", [SMALL, SMALL[::-1]], ids=["same", "other"])
async def test_a_blob_without_a_digest_is_read_and_compared(  # E16
    open_world: World, store: Store, place: Container, content: bytes
) -> None:
    await to_container(open_world, store, place, object_name="{file}")
    place.client.upload_blob("report.zip", content)

    found = await deliver(open_world, await packed(open_world, SMALL))

    assert found["status"] == ("delivered" if content == SMALL else "failed")
    assert (store.count("PUT", ""), place.content()) == (0, {"report.zip": content})


async def test_a_blob_that_lies_about_its_digest_is_found_by_reading(  # E16
    open_world: World, store: Store, place: Container
) -> None:
    await to_container(open_world, store, place, object_name="{file}", options={"verify": "read"})
    export_id = await packed(open_world, SMALL)
    digest = (await ask(open_world, export_id)) and (await stands(open_world, export_id))["sha256"]
    place.client.upload_blob("report.zip", SMALL[::-1], metadata={"lading_sha256": digest})

    await work(open_world)

    found = await stands(open_world, export_id)
    assert (found["status"], found["error"]["code"]) == ("failed", "destination-taken")


async def test_a_server_that_the_operator_does_not_name_is_not_called(  # E16
    open_world: World, store: Store, place: Container
) -> None:
    await to_container(open_world, store, place)
    export_id = await packed(open_world, SMALL)
    allow(open_world, "")

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-refused")
    assert "LADING_ALLOWED_NETWORKS" in found["error"]["message"]
    assert store.seen == []


# --- credentials ---------------------------------------------------------------------------------

STRING = "DefaultEndpointsProtocol=http;AccountName={account};BlobEndpoint={endpoint}"


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        signature(read=True, write=True, create=True),
        "?" + signature(read=True, write=True, create=True),
        f"{STRING};AccountKey={KEY};",
        f"{STRING};SharedAccessSignature={signature(read=True, write=True, create=True)}",
    ],
    ids=["key", "signature", "query", "string", "string-signature"],
)
async def test_every_form_of_credentials_is_enough(  # E16
    open_world: World, store: Store, place: Container, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    endpoint = f"{store.url}/{ACCOUNT}"
    monkeypatch.setenv("STORE_KEYS", secret.replace("{account}", ACCOUNT).replace("{endpoint}", endpoint))
    await to_container(open_world, store, place)
    export_id = await packed(open_world, SMALL)

    tried, found = await trial(open_world), await deliver(open_world, export_id)

    assert (tried["ok"], found["status"], found["error"]) == (True, "delivered", None), tried
    assert place.content() == {key_of(export_id): SMALL}
    assert "sig=" not in found["location"]


@pytest.mark.parametrize(
    ("secret", "word"),
    [
        ("no key", "must be an account key"),
        ("AAAA" + KEY[4:], "refuses these credentials"),
        (signature(hours=-1, read=True, write=True, create=True), "expired"),
        (signature(read=True), "create and write"),
        (f"{STRING};AccountKey={KEY}".format(account="other", endpoint="{endpoint}"), "another account or endpoint"),
        (f"{STRING};AccountKey={KEY}".format(account=ACCOUNT, endpoint="http://127.0.0.1:1/x"), "another account"),
        (f"AccountName={ACCOUNT};EndpointSuffix=core.windows.net;AccountKey={KEY}", "another account or endpoint"),
    ],
    ids=["no-key", "other-key", "expired", "read-only", "account", "endpoint", "suffix"],
)
async def test_credentials_that_do_not_fit_are_told_with_the_mend_and_never_shown(  # E16
    open_world: World, store: Store, place: Container, monkeypatch: pytest.MonkeyPatch, secret: str, word: str
) -> None:
    monkeypatch.setenv("STORE_KEYS", secret.replace("{endpoint}", f"{store.url}/{ACCOUNT}"))
    await to_container(open_world, store, place)

    tried, found = await trial(open_world), await deliver(open_world, await packed(open_world, SMALL))

    assert (tried["ok"], word in tried["checks"][-1]["detail"]) == (False, True), tried
    assert (found["status"], found["error"]["code"]) == ("failed", "destination-refused")
    assert KEY[8:40] not in str([tried, found])
    assert "&sig=" not in str([tried, found])


async def test_a_trial_leaves_nothing_to_see_and_names_a_container_that_is_missing(  # E16
    open_world: World, store: Store, place: Container
) -> None:
    await to_container(open_world, store, place)

    found, seen = await trial(open_world), place.content()
    await to_container(open_world, store, place, options={"container": "elsewhere"})
    lost = await trial(open_world)

    assert (found["ok"], seen, lost["ok"]) == (True, {}, False)
    assert "does not exist there" in lost["checks"][-1]["detail"]


async def test_where_the_library_is_missing_it_is_said_how_to_have_it(  # E16
    open_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"account": ACCOUNT, "container": "packages"}
    await put(open_world, kind="azure", options=options, credentials_ref="env:STORE_KEYS")
    monkeypatch.delitem(sys.modules, "lading.artifacts.store_azure", raising=False)
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)

    tried = await trial(open_world)

    assert (tried["ok"], "lading[azure]" in tried["checks"][-1]["detail"]) == (False, True)


@pytest.mark.parametrize(
    "changes",
    [{"account": "No"}, {"container": "a--b"}, {"container": "-ab"}, {"endpoint": "ftp://x"}, {"verify": "etag"}],
    ids=str,
)
async def test_options_that_can_not_be_right_are_refused(open_world: World, changes: dict[str, str]) -> None:  # E16
    options = {"account": ACCOUNT, "container": "packages", **changes}

    told = await put(open_world, status=422, kind="azure", options=options, credentials_ref="env:STORE_KEYS")

    assert told["errors"][0]["pointer"].startswith("/options")
