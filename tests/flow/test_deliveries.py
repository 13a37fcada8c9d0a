"""A package reaches its destinations whole and once, whatever is killed on the way; each tells how it stands."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import boto3
import pyrage
import pytest

from lading import ids
from lading.artifacts.verify import verify
from lading.exports import destinations
from lading.exports.destinations import Settings as Place
from lading.ledger.entry import SYSTEM
from lading.ledger.trust import Trust
from lading.settings import Settings
from lading.wire.exports import Delivery, Export
from tests import azure_server, receivers
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

COPIED = ("delivery.begun", "delivery.copied", "delivery.renamed", "delivery.carried", "delivery.committing")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(settings: Settings, out: Path) -> Settings:
    return replace(settings, delivery_roots=str(out))


async def place(acme: Organisation, name: str, **changes: Any) -> None:
    given: dict[str, Any] = {"kind": "directory", "options": {"path": acme.settings.delivery_roots}, **changes}
    async with acme.database.tenant(acme.tenant_id) as tx:
        await destinations.put(tx, name, Place(**given), roots=acme.settings.delivery_folders, actor=SYSTEM)


async def delivered(acme: Organisation, export: Export, ends: Callable[[Export], bool] | None = None) -> Export:
    """Return the export once all its deliveries have ended."""
    over = ends or (
        lambda found: (
            bool(found.deliveries) and all(each.status not in {"pending", "running"} for each in found.deliveries)
        )
    )
    ended = await acme.end(export)
    for _ in range(600):
        if over(ended):
            return ended
        # Answers when something about the export has changed, or after the wait.
        ended = await acme.service.wait(
            acme.tenant_id, ids.parse(ids.EXPORT, export.id), version=ended.version, seconds=1.0, hearer=acme.hearer
        )
    raise AssertionError(f"the deliveries have not ended: {ended.deliveries}")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def worker(settings: Settings, url: str, **given: str) -> Worker:
    return Worker(settings, url, LADING_DELIVERY_ROOTS=settings.delivery_roots, **given)


async def events(acme: Organisation, export: Export) -> Counter[str]:
    history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
    return Counter(entry["type"] for entry in history if entry["type"].startswith("delivery."))


async def killed_at(
    acme: Organisation, failpoint: Path, points: Sequence[str], destination: str
) -> AsyncIterator[tuple[str, Export, Delivery]]:
    """Yield each point with an export whose worker was killed there, and its delivery at the second attempt."""
    for point in points:
        await anyio.Path(failpoint).write_text(point)
        export = await delivered(acme, await acme.submit(format="csv", destinations=[destination]))
        assert not await anyio.Path(failpoint).exists(), f"{point} was not reached"
        (found,) = export.deliveries
        assert (found.status, found.error, found.attempts) == ("delivered", None, 2), point
        assert await events(acme, export) == {"delivery.requested": 1, "delivery.delivered": 1}, point
        yield point, export, found


async def test_a_package_killed_on_its_way_to_a_directory_lies_there_once(  # E16, P2
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path, out: Path
) -> None:
    await place(acme, "archive")
    failpoint = tmp_path / "failpoint"
    async with worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint)):
        async for point, export, found in killed_at(acme, failpoint, COPIED, "archive"):
            path = out / "visits" / export.id / "visits_2025-01-01_2025-12-31.zip"
            assert (found.location, found.bytes) == (f"file://{path}", found.size), point
            assert hashlib.sha256(path.read_bytes()).hexdigest() == found.sha256 == export.package_sha256
            assert files(out / "visits" / export.id) == [path.name], point
            assert verify(path, Trust.load(settings.trust_file)).is_pinned


HANDED = ("delivery.begun", "delivery.part_handed", "delivery.handed", "delivery.carried", "delivery.committing")


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_package_killed_on_its_way_to_a_receiver_is_kept_once(  # E16, P2
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path, method: str
) -> None:
    failpoint, secret = tmp_path / "failpoint", tmp_path / "secret"
    await anyio.Path(secret).write_text(receivers.KEY)
    await anyio.Path(secret).chmod(0o600)
    allowed = {"LADING_FAILPOINT_FILE": str(failpoint), "LADING_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with receivers.receiving() as receiver:
        options = {"url": receiver.url, "method": method}
        await place(acme, "portal", kind="webhook", options=options, credentials_ref=f"file:{secret}")
        async with worker(settings, database_url, **allowed):
            async for point, export, found in killed_at(acme, failpoint, HANDED, "portal"):
                digests = {hashlib.sha256(each).hexdigest() for each in receiver.kept.values()}
                ids_seen = {
                    each.headers["webhook-id"] for each in receiver.got if export.id in each.headers["webhook-id"]
                }
                assert found.sha256 == export.package_sha256, point
                assert found.sha256 in digests, point
                assert ids_seen == {f"{export.id}:portal"}, point
    assert len(receiver.taken) == len(HANDED)


@pytest.fixture
def azure() -> Iterator[str]:
    with azure_server.running() as url:
        yield url


UPLOADED = (
    ("delivery.upload_named", "delivery.upload_begun", "delivery.upload_known"),
    ("delivery.part_sent", "delivery.part_known", "delivery.copied"),
    ("delivery.completed", "delivery.carried", "delivery.committing"),
)


@pytest.mark.parametrize("points", UPLOADED, ids=lambda points: points[0])
async def test_a_package_killed_on_its_way_to_a_bucket_lies_there_once(  # E16, P2
    acme: Organisation,
    settings: Settings,
    database_url: str,
    tmp_path: Path,
    bucket_server: str,
    points: tuple[str, ...],
) -> None:
    keys = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "not-a-secret", "region_name": "us-east-1"}
    bucket = boto3.resource("s3", endpoint_url=bucket_server, **keys).Bucket("packages")
    bucket.create()
    await place(
        acme,
        "cloud",
        kind="s3",
        options={"bucket": "packages", "endpoint": bucket_server},
        credentials_ref="env:STORE_KEYS",
    )
    failpoint = tmp_path / "failpoint"
    environment = {
        "LADING_FAILPOINT_FILE": str(failpoint),
        "LADING_ALLOWED_NETWORKS": "127.0.0.0/8",
        "STORE_KEYS": "AKIATEST:not-a-secret",
    }
    async with worker(settings, database_url, **environment):
        async for point, export, _ in killed_at(acme, failpoint, points, "cloud"):
            (lying,) = bucket.objects.filter(Prefix=f"visits/{export.id}")
            assert hashlib.sha256(lying.get()["Body"].read()).hexdigest() == export.package_sha256, point
            assert list(bucket.multipart_uploads.all()) == [], point


@pytest.mark.parametrize("points", UPLOADED, ids=lambda points: points[0])
async def test_a_package_killed_on_its_way_to_a_container_lies_there_once(  # E16, P2
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path, azure: str, points: tuple[str, ...]
) -> None:
    there = azure_server.container(azure)
    endpoint = f"{azure}/{azure_server.ACCOUNT}"
    await place(
        acme,
        "cloud",
        kind="azure",
        options={"account": azure_server.ACCOUNT, "container": there.name, "endpoint": endpoint},
        credentials_ref="env:STORE_KEYS",
    )
    failpoint = tmp_path / "failpoint"
    environment = {
        "LADING_FAILPOINT_FILE": str(failpoint),
        "LADING_ALLOWED_NETWORKS": "127.0.0.0/8",
        "STORE_KEYS": azure_server.KEY,
    }
    async with worker(settings, database_url, **environment):
        async for point, export, _ in killed_at(acme, failpoint, points, "cloud"):
            name = f"visits/{export.id}/visits_2025-01-01_2025-12-31.zip"
            lying = {each: data for each, data in there.content().items() if export.id in each}
            assert list(lying) == [name], point
            assert hashlib.sha256(lying[name]).hexdigest() == export.package_sha256, point
            assert there.waiting(name) == {}, point


async def test_an_encrypted_package_is_all_that_is_handed_out(  # E17, E12
    acme: Organisation, settings: Settings, database_url: str, out: Path, tmp_path: Path
) -> None:
    identity, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    await place(acme, "archive", encrypt_to=[str(other.to_public())])
    asked = {"format": "csv", "destinations": ["archive"], "encrypt_to": [str(identity.to_public())]}
    async with worker(settings, database_url):
        first = await delivered(acme, await acme.submit(**asked))
        second = await delivered(acme, await acme.submit(**asked))

    name = "visits_2025-01-01_2025-12-31.zip.age"
    for export in (first, second):
        assert [each.name for each in export.artifacts] == [name]
        (found,) = export.deliveries
        path = out / "visits" / export.id / name
        assert (found.status, found.sha256) == ("delivered", export.artifacts[0].sha256)
        for key in (identity, other):
            plain = pyrage.decrypt(path.read_bytes(), [key])
            assert hashlib.sha256(plain).hexdigest() == export.package_sha256
        (tmp_path / "plain.zip").write_bytes(plain)
        report = verify(tmp_path / "plain.zip", Trust.load(settings.trust_file))
        assert report.is_pinned
        assert "age1" not in str(report.manifest)
        history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, export.id))
        (told,) = [entry["data"] for entry in history if entry["type"] == "export.completed"]
        assert told["package_sha256"] == export.package_sha256
        assert told["cipher_sha256"] == export.artifacts[0].sha256
    assert first.package_sha256 == second.package_sha256
    assert first.artifacts[0].sha256 != second.artifacts[0].sha256
    assert not list(settings.blobs_dir.glob(f"objects/*/{first.package_sha256[:2]}/{first.package_sha256[2:]}.*"))
