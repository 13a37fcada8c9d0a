"""What tests of files in a bucket share: they look past the server into the bucket, and do what an attempt does."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from lading import ids
from lading.artifacts import registry
from lading.artifacts.registry import Maker
from lading.exports import placing, retention
from lading.exports import store as exports
from lading.exports.model import NewArtifact, Sealed
from lading.jobs import attempts
from lading.jobs.model import Fence
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.wiring import depots
from serving import World
from works import Works

KEYS = {"aws_access_key_id": "AKIATEST", "aws_secret_access_key": "not-a-secret", "region_name": "us-east-1"}
PREFIX = "lading/files/"
LARGE = random.Random(5).randbytes(20 << 20)  # three parts


def use(world: World, settings: Settings) -> None:
    """Let the services of the world have these settings from now on."""
    world.services = replace(world.services, settings=settings)
    exports: Any = world.services.exports
    exports.blobs = depots.opened(settings)
    exports.url_seconds = settings.artifact_url_seconds if settings.artifact_downloads == "redirect" else None
    transport: Any = world.http._transport
    transport.app.state.services = world.services


def redirecting(world: World, **more: Any) -> None:
    use(world, replace(world.services.settings, artifact_downloads="redirect", **more))


def names(bucket: Any) -> list[str]:
    return sorted(each.key for each in bucket.objects.all())


def digests(bucket: Any) -> set[str]:
    return {hashlib.sha256(each.get()["Body"].read()).hexdigest() for each in bucket.objects.all()}


def published(export: dict[str, Any]) -> set[str]:
    return {each["sha256"] for each in export["artifacts"]}


def unfinished(bucket: Any) -> int:
    return len(list(bucket.multipart_uploads.all()))


def path_of(export: dict[str, Any]) -> str:
    return f"/api/v1/exports/{export['id']}/artifacts/{export['artifacts'][0]['name']}"


def local_objects(world: World) -> list[Path]:
    folder = world.services.settings.blobs_dir / registry.ROOT
    return [each for each in folder.rglob("*") if each.is_file()]


async def told(world: World, subject: str, kind: str) -> list[dict[str, Any]]:
    return [each["data"] for each in await world.events(subject) if each["type"] == kind]


async def claimed(world: World) -> Fence:
    """Return the fence of an attempt that runs."""
    await world.job()
    (claim,) = await world.claim()
    async with world.services.database.tenant(claim.tenant_id) as tx:
        return (await attempts.start(tx, claim))[1]


def again(works: Works, fence: Fence) -> Fence:
    """Let the job run on as its next attempt, as after a kill."""
    works.change(f"UPDATE jobs SET attempt = attempt + 1 WHERE id = '{fence.job_id}'")
    return fence._replace(attempt=fence.attempt + 1)


def sealed(world: World, content: bytes) -> Sealed:
    """Return a file as a stage leaves it, about to be published."""
    key, digest = f"exports/{ids.new()}/out/package.zip", hashlib.sha256(content).hexdigest()
    with world.services.exports.blobs.writer(key) as sink:
        sink.write(content)
    new = NewArtifact("report.zip", key, "application/zip", len(content), digest)
    return Sealed([new], {"read": 1, "written": 1, "quarantined": 0, "duplicate": 0}, [], digest)


async def place(world: World, fence: Fence, what: Sealed) -> Sealed:
    services, maker = world.services, Maker(fence.job_id, fence.lease_id, fence.attempt, None)
    return await placing.place(services.database, services.exports.blobs, fence.tenant_id, what, maker)


async def publish(world: World, fence: Fence, placed: Sealed) -> str:
    """Complete an export with what was placed; return its path."""
    export_id = (await world.export())["id"]
    await world.run(export_id)
    maker = Maker(fence.job_id, fence.lease_id, fence.attempt, None)
    async with world.services.database.tenant(fence.tenant_id) as tx:
        await placing.settle(tx, fence.job_id, placed.artifacts)
        identifier = ids.parse(ids.EXPORT, export_id)
        await exports.complete(tx, identifier, placed, actor=SYSTEM, maker=maker, retention_days=30)
    return f"/api/v1/exports/{export_id}/artifacts/report.zip"


async def collect(world: World, *, grace: float = 0.0) -> None:
    services = world.services
    await retention.expire(services.database, services.exports.blobs)
    await retention.collect(services.database, services.exports.blobs, grace_seconds=grace)
