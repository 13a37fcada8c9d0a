"""A package is brought to a destination whole, once, or it is said why not; nothing in half is ever seen there."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import psycopg
import pytest

from delivering import SMALL, ask, deliver, hasten, insist, packed, put, stands, work
from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.artifacts.store_directory import DirectoryCarrier
from lading.exports.deliveries import JOB_KIND, Key
from lading.exports.delivery import DeliveryHandler
from lading.jobs.model import Cancelled, Dead, Retry, Throttled
from lading.worker import execute
from serving import World
from stores import Store, faulty

pytestmark = pytest.mark.anyio

KEYS = "AKIATEST:not-a-secret"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def open_world(world: World, out: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world, with an operator who lets packages go to `out` and to this machine."""
    monkeypatch.setenv("STORE_KEYS", KEYS)
    settings = replace(world.services.settings, delivery_roots=str(out), allowed_networks="127.0.0.0/8", max_attempts=8)
    world.services = replace(world.services, settings=settings)
    app(world).state.services = world.services
    return world


def app(world: World) -> Any:
    transport: Any = world.http._transport
    return transport.app


@pytest.fixture
def store(bucket_server: str) -> Iterator[Store]:
    with faulty(bucket_server) as made:
        yield made


@pytest.fixture
def bucket(bucket_server: str) -> Any:
    """A bucket of its own, seen past the faulty store."""
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "not-a-secret", "region_name": "us-east-1"}
    made = boto3.resource("s3", endpoint_url=bucket_server, **keys).Bucket(f"packages-{random.getrandbits(48):x}")
    made.create()
    return made


async def to_folder(world: World, out: Path, **more: Any) -> None:
    await put(world, kind="directory", options={"path": str(out)}, **more)


async def to_bucket(world: World, store: Store, bucket: Any, *, kind: str = "s3", **more: Any) -> None:
    options = {"bucket": bucket.name, "endpoint": store.url, **more.pop("options", {})}
    await put(world, kind=kind, options=options, credentials_ref="env:STORE_KEYS", **more)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# --- a folder ------------------------------------------------------------------------------------


async def test_a_package_is_delivered_and_the_export_and_the_ledger_tell_of_it(
    open_world: World, out: Path
) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)

    found = await deliver(open_world, export_id)

    path = out / "bufdir" / export_id / "report.zip"
    assert (found["status"], found["attempts"], found["bytes"]) == ("delivered", 1, len(SMALL))
    assert (found["location"], path.read_bytes()) == (f"file://{path}", SMALL)
    shown = (await open_world.ask("GET", f"/api/v1/exports/{export_id}")).json()
    assert [each["status"] for each in shown["deliveries"]] == ["delivered"]
    told = [each for each in await open_world.events(export_id) if each["type"].startswith("delivery.")]
    assert [each["type"] for each in told] == ["delivery.requested", "delivery.delivered"]
    assert told[1]["data"]["digest"] == hashlib.sha256(SMALL).hexdigest()


async def test_delivering_again_changes_nothing(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    await deliver(open_world, export_id)
    before = (out / "bufdir" / export_id / "report.zip").stat().st_mtime_ns

    found = await deliver(open_world, export_id)

    assert (found["status"], found["attempts"]) == ("delivered", 2)
    assert (out / "bufdir" / export_id / "report.zip").stat().st_mtime_ns == before


async def test_other_content_under_the_name_is_left_alone_unless_that_is_wanted(
    open_world: World, out: Path
) -> None:  # E16
    await to_folder(open_world, out, object_name="{file}")
    (out / "report.zip").write_text("somebody else's")
    export_id = await packed(open_world)

    refused = await deliver(open_world, export_id)

    assert (refused["status"], refused["error"]["code"]) == ("failed", "destination-taken")
    assert (out / "report.zip").read_text() == "somebody else's"
    letters = (await open_world.ask("GET", "/api/v1/dead-letters")).json()["items"]
    assert [each["code"] for each in letters] == ["destination-taken"]

    await to_folder(open_world, out, object_name="{file}", overwrite=True)
    assert (await deliver(open_world, export_id))["status"] == "delivered"
    assert (out / "report.zip").read_bytes() == SMALL
    letters = (await open_world.ask("GET", "/api/v1/dead-letters", params={"state": "open"})).json()["items"]
    assert letters == []


async def test_no_link_leads_a_package_out_of_its_folder(open_world: World, out: Path, tmp_path: Path) -> None:  # E16
    outside = tmp_path / "outside"
    outside.mkdir()
    (out / "bufdir").symlink_to(outside)
    await to_folder(open_world, out)

    found = await deliver(open_world, await packed(open_world))

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-refused")
    assert files(outside) == []


async def test_a_folder_under_the_name_is_left_alone(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out, object_name="{file}", overwrite=True)
    (out / "report.zip").mkdir()

    found = await deliver(open_world, await packed(open_world))

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-taken")
    assert files(out) == []


def test_no_delivery_takes_the_unfinished_files_of_another_for_its_own() -> None:  # E16
    export = UUID(int=1)

    assert not Key(export, "archive-2").token.startswith(Key(export, "archive").token)


@pytest.mark.parametrize("path", ["/etc", "{out}/../elsewhere", "{out}x"])
async def test_a_folder_that_the_operator_does_not_allow_is_refused(
    open_world: World, out: Path, path: str
) -> None:  # E16
    told = await put(open_world, status=422, kind="directory", options={"path": path.format(out=out)})

    assert told["errors"][0]["pointer"] == "/options"
    assert "LADING_DELIVERY_ROOTS" in told["detail"]


@pytest.mark.parametrize("name", ["../{file}", "/{file}", "{profile}", "a//{file}", "{file!r}", "{now}/{file}", "{"])
async def test_an_object_name_that_leads_away_or_changes_is_refused(
    open_world: World, out: Path, name: str
) -> None:  # E16
    told = await put(open_world, status=422, kind="directory", options={"path": str(out)}, object_name=name)

    assert told["errors"][0]["pointer"] == "/object_name"


async def test_a_full_disk_leaves_nothing_and_is_tried_again(  # E16, P2
    open_world: World, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    await to_folder(open_world, out)
    content = random.Random(1).randbytes(3 << 20)
    export_id = await packed(open_world, content)
    made = await ask(open_world, export_id)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        outcomes = await work(open_world)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert isinstance(outcomes[0], Retry)
    assert outcomes[0].fault.code == "destination-full"
    waiting = await stands(open_world, export_id)
    assert (waiting["status"], waiting["error"]["code"]) == ("pending", "destination-full")
    assert files(out) == []
    await hasten(open_world, made["job"])
    await work(open_world)
    assert (out / "bufdir" / export_id / "report.zip").read_bytes() == content


async def test_a_damaged_package_is_not_delivered(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    (path,) = open_world.services.settings.blobs_dir.rglob("objects/*/*/*")
    path.write_bytes(b"PK other content!!"[: len(SMALL)].ljust(len(SMALL)))
    await ask(open_world, export_id)

    (outcome,) = await work(open_world)

    assert isinstance(outcome, Retry)
    assert outcome.fault.code == "storage-failed"
    assert files(out) == []


async def test_a_package_that_is_gone_is_not_blamed_on_the_destination(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    (path,) = open_world.services.settings.blobs_dir.rglob("objects/*/*/*")
    path.unlink()
    await ask(open_world, export_id)

    (outcome,) = await work(open_world)

    assert isinstance(outcome, Retry)
    assert outcome.fault.code == "storage-failed"


async def test_a_delivery_can_be_cancelled_and_leaves_nothing(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    made = await ask(open_world, export_id)

    answer = await open_world.ask("POST", f"/api/v1/jobs/{made['job']}/cancel", json={"reason": "a mistake"})

    assert answer.status_code == 200, answer.text
    assert (await stands(open_world, export_id))["status"] == "cancelled"
    await work(open_world)
    assert files(out) == []


async def test_what_a_kill_left_is_removed_though_the_export_is_deleted(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    made = await ask(open_world, export_id)
    (stored,) = open_world.services.settings.blobs_dir.rglob("objects/*/*/*")
    stored.write_bytes(b"not what was published")
    await work(open_world)
    left = out / "bufdir" / export_id / f"{Key(ids.parse(ids.EXPORT, export_id), 'archive').token}killed.part"
    left.write_bytes(b"half of it")

    await open_world.ask("POST", f"/api/v1/jobs/{made['job']}/cancel", json={"reason": "a mistake"})
    deleted = await open_world.ask("DELETE", f"/api/v1/exports/{export_id}")
    await work(open_world)

    assert (deleted.status_code, files(out)) == (204, [])


async def test_what_is_delivered_is_not_for_everybody_on_the_machine(open_world: World, out: Path) -> None:  # A7
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    before = os.umask(0)
    try:
        await deliver(open_world, export_id)
    finally:
        os.umask(before)

    path = out / "bufdir" / export_id / "report.zip"
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o640, 0o750, 0o750]


async def test_a_destination_that_is_away_is_left_alone_for_a_while(
    open_world: World, out: Path, database_url: str
) -> None:  # O7, E16
    await to_folder(open_world, out)
    made = await ask(open_world, await packed(open_world))
    await asyncio.to_thread(out.rmdir)
    outcomes = list(await work(open_world))
    for _ in range(4):
        await hasten(open_world, made["job"])
        outcomes += await work(open_world)

    assert [outcome.fault.code for outcome in outcomes] == ["destination-unreachable"] * 5
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT state FROM breakers").fetchall() == [("open",)]


async def test_a_package_is_not_brought_to_a_destination_that_wants_it_encrypted_by_now(
    open_world: World, out: Path
) -> None:  # E16, E17
    await to_folder(open_world, out)
    export_id = await packed(open_world)
    await ask(open_world, export_id)
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    await to_folder(open_world, out, encrypt_to=[key])

    await work(open_world)

    found = await stands(open_world, export_id)
    assert (found["status"], found["error"]["code"], files(out)) == ("failed", "destination-refused", [])
    again = await open_world.ask("POST", f"/api/v1/exports/{export_id}/deliveries/archive", json={"reason": "to test"})
    assert again.status_code == 409


# --- the resource --------------------------------------------------------------------------------


async def test_an_export_names_its_destinations_and_an_unknown_one_is_said(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)

    export = await open_world.export(destinations=["archive"])
    wrong = await open_world.ask(
        "POST", "/api/v1/exports", json={"profile": "bufdir", "period": export["period"], "destinations": ["gone"]}
    )

    assert export["destinations"] == ["archive"]
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/destinations/0")


async def test_a_trial_says_whether_packages_can_be_written(open_world: World, out: Path) -> None:  # E16
    await to_folder(open_world, out)

    found = (await open_world.ask("POST", "/api/v1/destinations/archive/test")).json()
    await asyncio.to_thread(out.rename, out.with_name("gone"))
    lost = (await open_world.ask("POST", "/api/v1/destinations/archive/test")).json()

    assert (found["ok"], lost["ok"]) == (True, False)
    assert "can't be reached" in lost["checks"][0]["detail"]


def test_a_trial_follows_no_link_that_lies_in_the_folder(out: Path, tmp_path: Path) -> None:  # E16
    (out / f".lading-trial-{os.getpid()}").symlink_to(tmp_path / "outside")

    DirectoryCarrier(out, [out]).trial()

    assert not (tmp_path / "outside").exists()
    assert files(out) == [f".lading-trial-{os.getpid()}"]


# --- a bucket ------------------------------------------------------------------------------------


def content_of(bucket: Any) -> dict[str, bytes]:
    return {each.key: each.get()["Body"].read() for each in bucket.objects.all()}


def unfinished(bucket: Any) -> int:
    return sum(1 for _ in bucket.multipart_uploads.all())


@pytest.mark.parametrize(("kind", "scheme"), [("s3", "s3"), ("gcs", "gs")])
async def test_a_package_is_delivered_to_a_bucket(
    open_world: World, store: Store, bucket: Any, kind: str, scheme: str
) -> None:  # E16
    await to_bucket(open_world, store, bucket, kind=kind, options={"prefix": "in/"})
    export_id = await packed(open_world)

    found = await deliver(open_world, export_id)
    again = await deliver(open_world, export_id)

    key = f"in/bufdir/{export_id}/report.zip"
    assert (found["status"], again["status"], found["location"]) == (
        "delivered", "delivered", f"{scheme}://{bucket.name}/{key}",
    )  # fmt: skip
    assert content_of(bucket) == {key: SMALL}
    assert (unfinished(bucket), store.count("PUT", "partNumber")) == (0, 1)


async def test_no_proxy_of_the_environment_comes_between(
    open_world: World, store: Store, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # E16: the address that was judged is the one that is called
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world)
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    assert (await deliver(open_world, export_id))["status"] == "delivered"


async def test_an_upload_goes_on_where_it_stopped(open_world: World, store: Store, bucket: Any) -> None:  # E16, P2
    content = random.Random(2).randbytes(20 << 20)
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world, content)
    made = await ask(open_world, export_id)
    store.fail("PUT", "partNumber=3", times=2, status=500)

    (first,) = await work(open_world)
    waiting = await stands(open_world, export_id)
    await hasten(open_world, made["job"])
    await work(open_world)

    assert isinstance(first, Retry)
    assert first.fault.code == "destination-unreachable"
    assert (waiting["status"], waiting["error"]["code"]) == ("pending", "destination-unreachable")
    assert [store.count("PUT", f"partNumber={number}") for number in (1, 2, 3)] == [1, 1, 3]
    assert store.count("POST", "?uploads") == 1
    assert list(content_of(bucket).values()) == [content]
    assert (await stands(open_world, export_id))["status"] == "delivered"


@pytest.mark.parametrize(
    ("method", "part", "kind"),
    [
        ("POST", "?uploads", "cut"),
        ("POST", "?uploads", "lose"),
        ("PUT", "partNumber=1", "cut"),
        ("PUT", "partNumber=1", "lose"),
        ("PUT", "partNumber=1", "etag"),
        ("POST", "uploadId", "cut"),
        ("POST", "uploadId", "lose"),
        ("HEAD", "report.zip", "answer"),
    ],
)
async def test_whatever_the_store_does_there_is_one_object_in_the_end(  # E16, P2
    open_world: World, store: Store, bucket: Any, method: str, part: str, kind: str
) -> None:
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world)
    made = await ask(open_world, export_id)
    store.fail(method, part, kind, times=2, status=500)
    allowed = ({}, {f"bufdir/{export_id}/report.zip": SMALL})

    found = await insist(open_world, export_id, made["job"], seen=lambda: content_of(bucket), allowed=allowed)

    assert found["status"] == "delivered"
    assert content_of(bucket) == {f"bufdir/{export_id}/report.zip": SMALL}
    assert unfinished(bucket) == 0


async def test_an_upload_that_lacks_a_part_is_begun_anew(  # E16, P2
    open_world: World, store: Store, bucket: Any
) -> None:
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world)
    made = await ask(open_world, export_id)
    store.fail("POST", "uploadId", status=400, code="InvalidPart")

    await work(open_world)
    await hasten(open_world, made["job"])
    await work(open_world)

    assert (await stands(open_world, export_id))["status"] == "delivered"
    assert (store.count("POST", "?uploads"), store.count("PUT", "partNumber=1"), unfinished(bucket)) == (2, 2, 0)


async def test_a_store_that_asks_for_a_rest_is_obeyed(open_world: World, store: Store, bucket: Any) -> None:  # E16, O5
    await to_bucket(open_world, store, bucket)
    await ask(open_world, await packed(open_world))
    store.fail("HEAD", times=9, status=429, code="TooManyRequests", headers={"Retry-After": "7"})
    store.fail("POST", times=9, status=503, code="SlowDown")

    (outcome,) = await work(open_world)

    assert isinstance(outcome, Throttled)


async def test_a_trial_says_what_a_store_answered(open_world: World, store: Store, bucket: Any) -> None:  # E16
    await to_bucket(open_world, store, bucket)
    store.fail("POST", "?uploads", times=9, status=429, code="TooManyRequests")

    busy = (await open_world.ask("POST", "/api/v1/destinations/archive/test")).json()

    assert (busy["ok"], "called less" in busy["checks"][-1]["detail"]) == (False, True)


async def test_a_trial_finds_that_nothing_can_be_looked_for(
    open_world: World, store: Store, bucket: Any
) -> None:  # E16
    await to_bucket(open_world, store, bucket)
    store.fail("HEAD", times=9, status=403)

    found = (await open_world.ask("POST", "/api/v1/destinations/archive/test")).json()
    store.faults.clear()
    fine = (await open_world.ask("POST", "/api/v1/destinations/archive/test")).json()

    assert (found["ok"], fine["ok"], unfinished(bucket)) == (False, True, 0)


async def test_refused_keys_end_in_a_dead_letter_and_the_upload_is_removed(  # E16
    open_world: World, store: Store, bucket: Any
) -> None:
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world)
    store.fail("PUT", "partNumber", status=403, code="AccessDenied")

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-refused")
    assert (unfinished(bucket), content_of(bucket)) == (1, {})
    jobs = (await open_world.ask("GET", "/api/v1/jobs", params={"kind": "delivery"})).json()["items"]
    (clearing,) = [each["id"] for each in jobs if each["state"] == "scheduled"]
    await hasten(open_world, clearing)
    (outcome,) = await work(open_world)
    assert not isinstance(outcome, Dead | Retry)
    assert unfinished(bucket) == 0


async def test_other_content_in_the_bucket_is_left_alone(open_world: World, store: Store, bucket: Any) -> None:  # E16
    await to_bucket(open_world, store, bucket, object_name="{file}")
    bucket.put_object(Key="report.zip", Body=b"somebody else's")
    export_id = await packed(open_world)

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-taken")
    assert content_of(bucket) == {"report.zip": b"somebody else's"}


async def test_a_server_that_the_operator_does_not_name_is_not_called(  # E16
    open_world: World, store: Store, bucket: Any
) -> None:
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world)
    open_world.services = replace(
        open_world.services, settings=replace(open_world.services.settings, allowed_networks="")
    )

    found = await deliver(open_world, export_id)

    assert (found["status"], found["error"]["code"]) == ("failed", "destination-refused")
    assert "LADING_ALLOWED_NETWORKS" in found["error"]["message"]
    assert store.seen == []


@pytest.mark.parametrize("is_deleted", [False, True], ids=["kept", "deleted"])
async def test_a_running_delivery_that_is_cancelled_shows_nothing_and_leaves_nothing(  # E16, P3
    open_world: World, store: Store, bucket: Any, *, is_deleted: bool
) -> None:
    await to_bucket(open_world, store, bucket)
    export_id = await packed(open_world)
    made = await ask(open_world, export_id)
    store.fail("PUT", "partNumber", "hold")
    services = open_world.services
    handler = DeliveryHandler(services.database, services.settings, BlobStore(services.settings.blobs_dir))
    (claimed,) = [each for each in await open_world.claim() if each.kind == JOB_KIND]
    begun = await execute.begin(services.database, claimed)
    assert begun is not None
    job, fence = begun
    attempt = execute.Attempt(fence)
    running = asyncio.create_task(execute.run({JOB_KIND: handler}, job, attempt))
    assert await asyncio.to_thread(store.held.wait, 60)

    asked = await open_world.ask("POST", f"/api/v1/jobs/{made['job']}/cancel", json={"reason": "a mistake"})
    attempt.cancel_reason = "a mistake"
    running.cancel()
    outcome = await running
    await execute.settle(services.database, services.endings, fence, outcome, kind=JOB_KIND)
    store.released.set()

    assert (asked.status_code, outcome) == (200, Cancelled("a mistake"))
    assert (await stands(open_world, export_id))["status"] == "cancelled"
    assert (content_of(bucket), unfinished(bucket)) == ({}, 1)
    if is_deleted:
        assert (await open_world.ask("DELETE", f"/api/v1/exports/{export_id}")).status_code == 204
    await work(open_world)
    assert (content_of(bucket), unfinished(bucket)) == ({}, 0)
