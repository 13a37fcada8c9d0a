"""A worker that is killed while it reads an API loses the pages since the last run that was kept, and no row."""

# P14, P1, P2

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from lading.exports import registry
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.sources import store as sources
from tests import api_server
from tests.flow.organisation import PROFILE, Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

PAGES = 450
"""More than are kept together when they are small and come quickly."""


async def ready(acme: Organisation, url: str) -> None:
    document: dict[str, Any] = {
        **PROFILE,
        "profile": "books",
        "source": {
            "name": "books",
            "request": {"path": "/items", "columns": {"id": "integer", "kind": "string"}},
            "key": ["id"],
        },
        "columns": [
            {"name": "Id", "from": "id", "type": "integer"},
            {"name": "Kind", "from": "kind", "type": "string"},
        ],
    }
    del document["deduplicate"]
    options = {"url": url, "pages": "cursor", "rows": "rows", "next": "next"}
    async with acme.database.tenant(acme.tenant_id) as tx:
        await sources.register(tx, "books", kind="http", options=options, actor=SYSTEM)
        await registry.put(tx, document, actor=SYSTEM, activate=True)


async def test_a_worker_killed_between_pages_goes_on_at_the_last_run(
    acme: Organisation, settings: Settings, database_url: str, tmp_path: Path
) -> None:
    asked = Counter[int]()

    def answer(request: api_server.Asked) -> api_server.Reply:
        place = int(request.one("cursor", "0"))
        asked[place] += 1
        rows = [{"id": place * 2 + each, "kind": f"page {place}"} for each in range(2)]
        return api_server.page({"rows": rows, "next": str(place + 1) if place + 1 < PAGES else None})

    failpoint = tmp_path / "failpoint"
    allowed = {"LADING_FAILPOINT_FILE": str(failpoint), "LADING_ALLOWED_NETWORKS": "127.0.0.1/32"}
    with api_server.serving(answer) as api:
        await ready(acme, api.url)
        packages: set[bytes] = set()
        async with Worker(settings, database_url, **allowed):
            for point, first in ((None, 1), ("pages.written", 2), ("pages.kept", 1)):
                asked.clear()
                if point is not None:
                    await anyio.Path(failpoint).write_text(point)
                ended = await acme.end(await acme.submit(profile="books", format="csv"))
                assert ended.status == "completed", ended
                assert not await anyio.Path(failpoint).exists(), point
                packages.add(await anyio.Path(acme.package(ended)).read_bytes())
                # Pages of a run that is kept are asked for once.
                assert asked[0] == first, point
                assert (set(asked), max(asked.values()) <= 2) == (set(range(PAGES)), True), point

    assert len(packages) == 1
