"""
What the six calls of the Bufdir face answer, word for word: tests/golden/bufdir.json.

A system of a reporting organisation is written against these answers.  After a wanted change,
`LADING_RENEW_GOLDEN=1 .venv/bin/pytest tests/db/test_bufdir_golden.py` writes them anew; read the difference.
"""

# B1, B6

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lading.artifacts.blobs import BlobStore
from lading.exports import retention
from serving import World

pytestmark = pytest.mark.anyio
BASE = "/api/v1/bufdir-exports"
BODY: dict[str, Any] = {
    "org_id": "nordlys",
    "format": "excel",
    "period_from": "2024-01-01",
    "period_to": "2024-12-31",
    "activity_types": ["group_session"],
    "include_attachments": False,
    "submit_to_bufdir_api": False,
}
_GOLDEN = Path(__file__).parents[1] / "golden" / "bufdir.json"
_HEADERS = ("content-type", "location", "retry-after", "idempotent-replayed", "allow")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_OUTER = re.compile(r"\b(exp|req|hld|key)_[0-9a-z]{26}\b")


class Talk:
    """Exchanges as they are kept: ids are counted in the order in which they come, instants are left out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, str] = {}
        self.exchanges: list[dict[str, Any]] = []

    async def say(self, method: str, path: str, about: str, **options: Any) -> Any:
        """Send a request, keep it with its answer, and return the body as it came."""
        answer = await self._world.ask(method, path, **options)
        body = answer.json() if answer.content else None
        asked = {name: options[name] for name in ("params", "headers", "json") if name in options}
        headers = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
        told = {"status": answer.status_code, "headers": headers, "body": body}
        self.exchanges.append(
            {
                "about": about,
                "request": self.plain({"method": method, "path": path, **asked}),
                "answer": self.plain(told),
            }
        )
        return body

    def plain(self, value: Any) -> Any:
        """Return `value` as it is the same in every run."""
        match value:
            case dict():
                return {name: self._of(name, each) for name, each in value.items()}
            case list():
                return [self.plain(each) for each in value]
            case str():
                return _OUTER.sub(self._named, _INSTANT.sub("<instant>", value))
            case _:
                return value

    def _of(self, name: str, value: Any) -> Any:
        return "<seconds>" if name == "estimated_duration_seconds" else self.plain(value)

    def _named(self, found: re.Match[str]) -> str:
        if found[1] == "req":
            return "<request id>"
        count = sum(each.startswith(found[1]) for each in self._known)
        return self._known.setdefault(found[0], f"{found[1]}_{count + 1}")


async def asking(talk: Talk, world: World) -> None:
    key = {"Idempotency-Key": "report-2024"}
    first = (await talk.say("POST", BASE, "Ask for a report.", json=BODY, headers=key))["export_id"]
    await talk.say("POST", BASE, "The same once more, because no answer came.", json=BODY, headers=key)
    await talk.say("GET", f"{BASE}/{first}", "It waits.")
    await world.complete(first)
    await talk.say("GET", f"{BASE}/{first}", "It is done.")
    second = await talk.say("POST", BASE, "The same period again: a warning.", json={**BODY, "format": "csv"})
    await talk.say("GET", f"{BASE}/{second['export_id']}", "The warning stays.")
    await talk.say("GET", BASE, "All of them, newest first.")
    for page in (1, 2, 3):
        await talk.say("GET", BASE, f"Page {page} of one each.", params={"page": page, "limit": 1})


async def stopping(talk: Talk, world: World) -> None:
    export_id = (await world.ask("POST", BASE, json={**BODY, "format": "pdf"})).json()["export_id"]
    reason = {"reason": "Incorrect date range selected"}
    await talk.say("PUT", f"{BASE}/{export_id}/cancel", "Stop it.", json=reason)
    await talk.say("PUT", f"{BASE}/{export_id}/cancel", "It is stopped already.", json=reason)
    await talk.say("POST", f"{BASE}/{export_id}/retry", "Begin it again.")
    await talk.say("POST", f"{BASE}/{export_id}/retry", "It waits already.")
    await world.fail(export_id)
    await talk.say("GET", f"{BASE}/{export_id}", "It failed.")


async def deleting(talk: Talk, world: World, url: str) -> None:
    export_id = (await world.ask("POST", BASE, json={**BODY, "period_to": "2024-06-30"})).json()["export_id"]
    await world.run(export_id)
    await talk.say("DELETE", f"{BASE}/{export_id}", "It runs: cancel it first.")
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE exports SET status = 'failed', error = '{}' WHERE status = 'running'")
        connection.execute(
            "UPDATE exports SET status = 'pending', error = NULL WHERE status = 'failed' AND error = '{}'"
        )
    path = await world.complete(export_id)
    hold = (
        await world.ask("POST", "/api/v1/holds", json={"export": export_id, "reason": "x", "ticket": "LEG-7"})
    ).json()
    await talk.say("DELETE", f"{BASE}/{export_id}", "A legal hold keeps it.")
    await world.ask("POST", f"/api/v1/holds/{hold['id']}/lift", json={"reason": "x"})
    await talk.say("DELETE", f"{BASE}/{export_id}", "Delete it.")
    await talk.say("GET", f"{BASE}/{export_id}", "It is out of sight.")
    await talk.say("DELETE", f"{BASE}/{export_id}", "There is nothing to delete any more.")
    await talk.say("GET", path, "So is its file.")
    left = [each for each in await world.events(export_id) if each["type"].startswith("export.delete")]
    talk.exchanges.append(
        {
            "about": "The tombstone in the ledger.",
            "ledger": talk.plain([{"type": each["type"], "data": each["data"]} for each in left]),
        }
    )


async def expiring(talk: Talk, world: World, url: str) -> None:
    export_id = (await world.ask("POST", BASE, json={**BODY, "period_to": "2024-03-31"})).json()["export_id"]
    await world.complete(export_id)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE exports SET expires_at = now() - interval '1 second' WHERE status = 'completed'")
    await retention.expire(world.services.database, BlobStore(world.services.settings.blobs_dir))
    await talk.say("GET", f"{BASE}/{export_id}", "Its time is over: the record stays, the file is gone.")


async def refusing(talk: Talk) -> None:
    for about, change in [
        ("A format of another face.", {"format": "xlsx"}),
        ("A period that ends before it begins.", {"period_from": "2025-01-01"}),
        ("A day that is none.", {"period_to": "2024-02-30"}),
        ("An organisation that is not the caller's.", {"org_id": "fjord"}),
        ("An activity nobody knows.", {"activity_types": ["swimming"]}),
        ("What Bufdir has no interface for.", {"submit_to_bufdir_api": True}),
        ("A field nobody knows.", {"colour": "red"}),
    ]:
        await talk.say("POST", BASE, about, json={**BODY, **change})
    await talk.say("POST", BASE, "Half a request.", json={"org_id": "nordlys"})
    await talk.say("GET", BASE, "Page nought.", params={"page": 0})
    await talk.say("GET", BASE, "Too many at once.", params={"limit": 101})
    await talk.say("GET", f"{BASE}/exp_x", "What is no id.")


async def test_the_answers_are_those_that_were_reviewed(world: World, database_url: str) -> None:
    talk = Talk(world)
    await asking(talk, world)
    await stopping(talk, world)
    await deleting(talk, world, database_url)
    await expiring(talk, world, database_url)
    await refusing(talk)
    text = json.dumps(talk.exchanges, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("LADING_RENEW_GOLDEN"):
        _GOLDEN.write_text(text, "utf-8")

    assert text == _GOLDEN.read_text("utf-8")
