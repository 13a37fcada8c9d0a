"""What a policy does not allow is not exported: not asked for, not run, not published; and everybody is told why."""

# E3, A6, O12.

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from psycopg.sql import SQL

from lading import ids
from lading.exports import approvals
from lading.tenants.model import Role
from serving import REQUEST, YEAR, World
from works import PERIOD, Works

pytestmark = pytest.mark.anyio
WHY = {"reason": "the board wants it", "ticket": "OPS-9"}
ONLY_CSV: dict[str, Any] = {
    "policy": "outgoing",
    "rules": [{"rule": "formats", "reason": "The archive reads nothing else.", "formats": ["csv"]}],
}
ASKS: dict[str, Any] = {
    "policy": "eyes",
    "rules": [{"rule": "second-person", "approval": {"roles": ["operator", "admin"], "expires_after_hours": 4}}],
}


@pytest.fixture
async def works(world: World, database_url: str, tmp_path: Path) -> Works:
    """An installation whose two organisations have rows to export."""
    made = Works(world, database_url, tmp_path)
    await made.ready("nordlys", "fjord")
    return made


async def put(world: World, document: dict[str, Any], slug: str = "nordlys") -> dict[str, Any]:
    """Store and activate a policy."""
    answer = await world.ask(
        "PUT", f"/api/v1/policies/{document['policy']}", slug=slug, json=document, params={"activate": True}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def asked(world: World, role: Role = Role.REQUESTER, **fields: Any) -> Any:
    """Ask for an export."""
    return await world.ask("POST", "/api/v1/exports", role=role, json={**REQUEST, **fields})


async def said(world: World, export_id: str, verb: str, role: Role = Role.OPERATOR, **options: Any) -> Any:
    """Approve or reject an export."""
    return await world.ask("POST", f"/api/v1/exports/{export_id}/{verb}", role=role, json=WHY, **options)


async def count(world: World, slug: str = "nordlys") -> tuple[int, int]:
    """Return how many exports and live jobs there are."""
    async with world.services.database.tenant(world.organisations[slug].id) as tx:
        row = await tx.one(SQL("SELECT (SELECT count(*) FROM exports) AS e, (SELECT count(*) FROM jobs) AS j"))
    return row["e"], row["j"]


async def test_a_refusal_names_policy_and_rule_and_leaves_nothing_but_the_ledger(world: World) -> None:  # E3
    await put(world, ONLY_CSV)

    refused = await asked(world, format="xlsx")

    assert refused.status_code == 403, refused.text
    problem = refused.json()
    assert (problem["code"], problem["policy"], problem["revision"], problem["rule"]) == (
        "policy-denied",
        "outgoing",
        1,
        "formats",
    )
    assert "The archive reads nothing else" in problem["detail"]
    assert [each["code"] for each in problem["violations"]] == ["format"]
    assert await count(world) == (0, 0)
    (entry,) = [each for each in await world.events("policy:outgoing") if each["type"] == "policy.denied"]
    assert entry["data"]["rule"] == "formats"
    assert entry["actor"]["id"].startswith("key_")
    assert (await asked(world, format="csv")).status_code == 202


async def test_a_policy_of_one_organisation_says_nothing_to_another(world: World) -> None:  # A6
    await put(world, ONLY_CSV)

    other = await world.ask("GET", "/api/v1/policies/outgoing", slug="fjord")
    listed = await world.ask("GET", "/api/v1/policies", slug="fjord")

    assert other.status_code == 404
    assert listed.json()["items"] == []
