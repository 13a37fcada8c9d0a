"""Profile revisions never change, one of them is active, and every change of that is in the ledger."""

from __future__ import annotations

import copy
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lading.db.database import Database
from lading.errors import NotFound, ProfileInvalid
from lading.exports import registry
from lading.ledger import store as ledger
from lading.ledger.entry import Actor

pytestmark = pytest.mark.anyio
TENANT = UUID("00000000-0000-7000-8000-000000000000")
ACTOR = Actor("system", "test")
DOCUMENT: dict[str, Any] = {
    "profile": "visits",
    "type": "visits",
    "title": "Visits",
    "source": {"name": "activities", "query": "SELECT 1 AS id", "key": ["id"]},
    "formats": ["csv"],
    "columns": [{"name": "Number", "from": "id", "type": "integer"}],
}


def changed(title: str) -> dict[str, Any]:
    return {**copy.deepcopy(DOCUMENT), "title": title}


async def test_revisions_are_numbered_and_the_same_document_is_one(database: Database) -> None:  # P5
    async with database.tenant(TENANT) as tx:
        first = await registry.put(tx, DOCUMENT, actor=ACTOR, activate=True)
        again = await registry.put(tx, dict(reversed(DOCUMENT.items())), actor=ACTOR)
        second = await registry.put(tx, changed("New"), actor=ACTOR)

        assert [one.revision for one in (first, again, second)] == [1, 1, 2]
        assert (await registry.get(tx, "visits")).revision == 1
        assert (await registry.get(tx, "visits", 2)).document["title"] == "New"
        assert await registry.profiles_of(tx) == [registry.Summary("visits", 1, 2)]
        assert [(one.revision, one.is_active) for one in await registry.history(tx, "visits")] == [
            (2, False),
            (1, True),
        ]


async def test_an_old_revision_can_become_active_again(database: Database) -> None:  # P5
    async with database.tenant(TENANT) as tx:
        await registry.put(tx, DOCUMENT, actor=ACTOR, activate=True)
        await registry.put(tx, changed("New"), actor=ACTOR, activate=True)
        await registry.activate_revision(tx, "visits", 1, actor=ACTOR)
        await registry.activate_revision(tx, "visits", 1, actor=ACTOR)

        lines = [json.loads(line) for line in await ledger.history(tx, "profile:visits")]
    assert [(one["type"], one["rev"], one["data"]["revision"]) for one in lines] == [  # A1
        ("profile.revised", 1, 1),
        ("profile.activated", 2, 1),
        ("profile.revised", 3, 2),
        ("profile.activated", 4, 2),
        ("profile.activated", 5, 1),
    ]


async def test_a_revision_can_not_be_changed_or_removed(database: Database, database_url: str) -> None:
    async with database.tenant(TENANT) as tx:
        await registry.put(tx, DOCUMENT, actor=ACTOR)

    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in ("UPDATE profile_revisions SET created_by = 'x'", "DELETE FROM profile_revisions"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


async def test_a_faulty_document_is_not_stored(database: Database) -> None:
    async with database.tenant(TENANT) as tx:
        with pytest.raises(ProfileInvalid):
            await registry.put(tx, {**DOCUMENT, "columns": []}, actor=ACTOR)

        assert await registry.profiles_of(tx) == []


@pytest.mark.parametrize("revision", [None, 0, 7, -1, 1 << 40])
async def test_a_revision_that_is_not_there_is_named(database: Database, revision: int | None) -> None:
    async with database.tenant(TENANT) as tx:
        await registry.put(tx, DOCUMENT, actor=ACTOR)

        with pytest.raises(NotFound, match="visits"):
            await registry.get(tx, "visits", revision)
        with pytest.raises(NotFound, match="nothing"):
            await registry.history(tx, "nothing")
