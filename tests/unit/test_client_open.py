"""`exports.open` gives a package that is whole and checked, or says why not; what was downloaded stays where it is."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import hostile
from tests.cutting import Faulty, serving
from tests.packages import pack

from lading.artifacts.package import PackedFile
from lading.client.aio.client import AsyncClient
from lading.client.packages import Kind, Limits, Package, open_package
from lading.client.sync.client import Client
from lading.errors import DownloadFailed, PackageFault, PackageInvalid
from lading.wire.exports import Artifact, Export, Progress

# C1, C5


def _export(data: bytes) -> Export:
    digest = hashlib.sha256(data).hexdigest()
    artifact = Artifact("bufdir.zip", "application/zip", len(data), digest, "")
    return Export(
        id="exp_1", tenant="acme", type="activities", profile="bufdir", revision=1, format="csv", period={},
        parameters={}, include_attachments=False, status="completed", stage=None, progress=Progress(100.0),
        retry_count=0, attempt=1, waiting_for=None, eligible_at=None, warnings=[], rows=None, error=None,
        artifacts=[artifact], receipt=None, version=1, created_at="", started_at=None, ended_at=None, expires_at=None,
    )  # fmt: skip


def _server(data: bytes) -> Faulty:
    digest = hashlib.sha256(data)
    told = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    return Faulty(content=data, etag=f'"sha256-{digest.hexdigest()}"', digest=told)


def opened(faulty: Faulty, export: Export, folder: Path, limits: Limits | None = None) -> Package:
    with serving(faulty) as url, Client(url) as client:
        return client.exports.open(export, folder, limits=limits)


def opened_async(faulty: Faulty, export: Export, folder: Path, limits: Limits | None = None) -> Package:
    async def work(url: str) -> Package:
        async with AsyncClient(url) as client:
            return await client.exports.open(export, folder, limits=limits)

    with serving(faulty) as url:
        return asyncio.run(work(url))


@pytest.mark.parametrize("way", [opened, opened_async], ids=["sync", "async"])
def test_a_package_is_downloaded_and_checked(way: Callable[..., Package], tmp_path: Path) -> None:
    data, _ = pack(tmp_path)

    package = way(_server(data), _export(data), tmp_path / "out")

    assert package.kind is Kind.EXPORT
    assert package.path == tmp_path / "out" / "bufdir.zip"
    assert package.path.read_bytes() == data
    assert (package.extract(tmp_path / "laid").folder / "report.csv").is_file()


def test_one_that_is_not_what_a_package_should_be_is_refused(tmp_path: Path) -> None:
    fault, make = hostile.HOSTILE["traversal"]
    data = make()

    with pytest.raises(PackageInvalid) as caught:
        opened(_server(data), _export(data), tmp_path)

    assert (caught.value.fault, caught.value.export_code) == (fault, "EXPORT_006")
    assert [each.name for each in tmp_path.iterdir()] == ["bufdir.zip"]


def test_limits_are_the_callers(tmp_path: Path) -> None:
    data, _ = pack(tmp_path)

    with pytest.raises(PackageInvalid) as caught:
        opened(_server(data), _export(data), tmp_path / "out", Limits(entries=2))

    assert caught.value.fault is PackageFault.TOO_MANY_ENTRIES


def test_a_download_that_is_not_whole_is_not_opened(tmp_path: Path) -> None:
    data, _ = pack(tmp_path)
    faulty = _server(data)
    faulty.body = lambda body: b"!" + body[1:]

    with pytest.raises(DownloadFailed) as caught:
        opened(faulty, _export(data), tmp_path / "out")

    assert caught.value.export_code == "EXPORT_004"


def test_what_the_server_deflates_far_is_opened_and_elsewhere_refused(tmp_path: Path) -> None:
    rows = b"".join(b"%04d" % (number * 7919 % 10_000) + b";" * 8000 + b"\r\n" for number in range(400))
    (tmp_path / "long").write_bytes(rows)
    data, _ = pack(tmp_path, reports=[PackedFile("report.csv", tmp_path / "long")])
    assert len(rows) / len(data) > 100

    package = opened(_server(data), _export(data), tmp_path / "out")

    assert package.read("report.csv") == rows
    with pytest.raises(PackageInvalid) as caught:
        open_package(package.path)
    assert caught.value.fault is PackageFault.BOMB
