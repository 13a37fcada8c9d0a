"""A change of the settings is in the ledger of the instance, once, and tells no secret."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lading.db.database import Database
from lading.ledger import store
from lading.settings import Settings
from lading.tenants import configuration
from lading.tenants.model import INSTANCE_ID

pytestmark = pytest.mark.anyio


async def told(database: Database) -> list[dict[str, Any]]:
    async with database.tenant(INSTANCE_ID) as tx:
        return [json.loads(line)["data"] for line in await store.history(tx, "configuration:settings")]


async def test_settings_are_told_when_they_change_and_not_again(database: Database, tmp_path: Path) -> None:
    first = Settings(data_dir=tmp_path, database_url="postgresql://x:geheim@db/l")

    noted = [await configuration.note(database, each) for each in (first, first, replace(first, workers=3), first)]

    found = await told(database)
    assert noted == [True, False, True, True]
    assert [each["changed"] for each in found] == [[], ["workers"], ["workers"]]
    assert found[0]["sha256"] == found[2]["sha256"] != found[1]["sha256"]
    assert "geheim" not in json.dumps(found)
    assert found[0]["settings"]["database_url"] == "set"


async def test_many_workers_that_start_at_once_tell_it_once(database: Database, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)

    noted = await asyncio.gather(*(configuration.note(database, settings) for _ in range(5)))

    assert sum(noted) == 1
    assert len(await told(database)) == 1
