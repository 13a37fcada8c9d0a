"""An installation whose published files go to a bucket that a test can let fail."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from bucketing import KEYS, PREFIX, use
from serving import World
from stores import Store, faulty
from works import Works


@pytest.fixture
def store(bucket_server: str) -> Iterator[Store]:
    with faulty(bucket_server) as made:
        yield made


@pytest.fixture
def bucket(bucket_server: str) -> Any:
    """A bucket of its own, seen past the faulty store."""
    made = boto3.resource("s3", endpoint_url=bucket_server, **KEYS).Bucket(f"artifacts-{random.getrandbits(48):x}")
    made.create()
    return made


@pytest.fixture
async def works(
    world: World, database_url: str, tmp_path: Path, store: Store, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> Works:
    """An installation whose published files go to the bucket."""
    monkeypatch.setenv("STORE_KEYS", "AKIATEST:not-a-secret")
    settings = replace(
        world.services.settings,
        artifacts=f"s3://{bucket.name}/{PREFIX}",
        artifacts_endpoint=store.url,
        artifacts_credentials_ref="env:STORE_KEYS",
        allowed_networks="127.0.0.0/8",
        delivery_roots=str(tmp_path / "out"),
    )
    (tmp_path / "out").mkdir()
    use(world, settings)
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made
