"""A worker killed anywhere on the way to the bucket: the export completes, and its files alone lie there, whole."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from lading.exports import retention
from lading.settings import Settings
from lading.wire.exports import Export
from lading.wiring import depots
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

KEYS = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "not-a-secret", "region_name": "us-east-1"}
UPLOADING = ("artifacts.claimed", "artifacts.upload_named", "artifacts.upload_begun", "artifacts.part_known")
PUBLISHING = ("artifacts.brought", "artifacts.placed", "settling", "settled")


def lying(bucket: Any) -> set[str]:
    return {hashlib.sha256(each.get()["Body"].read()).hexdigest() for each in bucket.objects.all()}


@pytest.mark.parametrize("points", [UPLOADING, PUBLISHING], ids=["uploading", "publishing"])
async def test_an_export_killed_on_its_way_to_the_bucket_is_published_once(  # E15, O18, P2
    acme: Organisation,
    settings: Settings,
    database_url: str,
    tmp_path: Path,
    bucket_server: str,
    points: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The servers of one process share what they have.
    bucket = boto3.resource("s3", endpoint_url=bucket_server, **KEYS).Bucket(f"artifacts-{random.getrandbits(48):x}")
    bucket.create()
    monkeypatch.setenv("STORE_KEYS", "AKIATEST:not-a-secret")
    away = {
        "LADING_ARTIFACTS": f"s3://{bucket.name}/lading",
        "LADING_ARTIFACTS_ENDPOINT": bucket_server,
        "LADING_ARTIFACTS_CREDENTIALS_REF": "env:STORE_KEYS",
    }
    # More than one part, also in a zip.
    (settings.data_dir / "papers" / "a.txt").write_bytes(random.Random(7).randbytes(9 << 20))
    failpoint, published = tmp_path / "failpoint", set[str]()
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint), **away):
        for number, point in enumerate(points):
            failpoint.write_text(point)
            period = {"from": "2025-01-01", "to": f"2025-12-{31 - number}"}  # other content each time
            ended: Export = await acme.end(await acme.submit(format="csv", include_attachments=True, period=period))

            assert not failpoint.exists(), f"{point} was not reached"
            assert (ended.status, ended.error) == ("completed", None), point
            published |= {each.sha256 for each in ended.artifacts}
            assert published <= lying(bucket), point

    blobs = depots.opened(
        replace(
            settings,
            artifacts=f"s3://{bucket.name}/lading",
            artifacts_endpoint=bucket_server,
            artifacts_credentials_ref="env:STORE_KEYS",
        )
    )
    await retention.collect(acme.database, blobs, grace_seconds=0)
    await retention.collect_away(acme.database, blobs, grace_seconds=0)
    assert lying(bucket) == published
    assert len(list(bucket.objects.all())) == len(published)
    assert list(bucket.multipart_uploads.all()) == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM placements").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM objects").fetchone() == (len(published),)
    assert [each for each in (settings.blobs_dir / "objects").rglob("*") if each.is_file()] == []
