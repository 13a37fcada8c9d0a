"""The same span gives the same bundle, in whichever zone, language and process, and however often it is killed."""

# A2 P2 P12

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from lading import ids
from lading.db import notify
from lading.exports.bundles import BundleService
from lading.ledger import store as ledger
from lading.settings import Settings
from lading.tenants.model import Role
from lading.wire.bundles import Bundle, BundleRequest
from lading_verify import check, trust
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

PLACES = (
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4711", "PYTHONOPTIMIZE": "1"},
)
POINTS = (
    "",
    "querying.done",
    "mapping.begun",
    "generating.done",
    "bundling.begun",
    "bundling.checkpointed",
    "auditing.done",
)
_LONG_SECONDS = 200.0


async def made(acme: Organisation, end: int | None = None) -> Bundle:
    """Ask for a bundle as an auditor, and return it when a worker has made it."""
    auditor = replace(acme.principal, role=Role.AUDITOR)
    bundles = BundleService(acme.database, acme.settings, acme.service.calls, notify.Sender(acme.database))
    until = None if end is None else str(end)
    asked, _ = await bundles.create(auditor, acme.tenant_id, BundleRequest(until=until), idempotency_key=None)
    identifier = ids.parse(ids.EXPORT, asked.id)
    await acme.service.wait(acme.tenant_id, identifier, version=None, seconds=_LONG_SECONDS, hearer=acme.hearer)
    return await bundles.get(acme.tenant_id, identifier)


def kept(acme: Organisation, bundle: Bundle) -> Path:
    """Return where a bundle lies."""
    assert bundle.file is not None, bundle
    digest = bundle.file.sha256
    return next(acme.settings.blobs_dir.glob(f"objects/*/{digest[:2]}/{digest[2:]}.*"))


async def settled(acme: Organisation) -> int:
    """Return the size of a signed head, when there is one that covers an export."""
    for _ in range(600):
        async with acme.database.tenant(acme.tenant_id) as tx:
            head = await ledger.head(tx)
            if head is not None and head.size > 20:
                return head.size
        await asyncio.sleep(0.1)  # nobody here is told when a worker has integrated
    raise AssertionError("nobody integrated the ledger")


async def test_workers_in_other_zones_languages_and_hash_seeds_make_the_same_bytes(
    acme: Organisation, settings: Settings, database_url: str
) -> None:
    digests: set[str] = set()
    end = None
    for place in PLACES:
        async with Worker(settings, database_url, **place):
            if end is None:
                await acme.end(await acme.submit(format="csv"))
                end = await settled(acme)
            bundle = await made(acme, end)
        assert (bundle.status, bundle.error, bundle.end) == ("completed", None, end)
        assert bundle.file is not None
        digests.add(bundle.file.sha256)
        report = check.verify(kept(acme, bundle), trust.load(settings.trust_file))
        assert (report.is_pinned, report.manifest.end) == (True, end)

    assert len(digests) == 1


async def test_a_bundle_killed_at_every_point_is_made_once_and_is_the_same(
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    failpoint = tmp_path / "failpoint"
    digests: set[str] = set()
    end = None
    async with Worker(settings, database_url, LADING_FAILPOINT_FILE=str(failpoint)):
        await acme.end(await acme.submit(format="csv"))
        end = await settled(acme)
        for point in POINTS:
            if point:
                failpoint.write_text(point)
            bundle = await made(acme, end)

            assert not failpoint.exists(), f"{point} was not reached"
            assert (bundle.status, bundle.error) == ("completed", None), point
            assert bundle.file is not None
            digests.add(bundle.file.sha256)
            history = await acme.service.history(acme.tenant_id, ids.parse(ids.EXPORT, bundle.id))
            assert [each["type"] for each in history].count("bundle.completed") == 1

    assert len(digests) == 1
