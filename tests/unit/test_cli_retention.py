"""`lading holds`, `retention`, `links` and `exports list` send what was asked for, and ask before they do much."""

# E6, E7, E15

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result

from lading import cli
from lading.cli.options import Line
from lading.client.sync.client import Client
from lading.errors import InvalidInput
from lading.wire.exports import Link
from lading.wire.retention import Hold, RetentionApplied, RetentionRule

AT = "2026-11-21T12:00:00Z"
HOLD = Hold("hld_1", "exp_1", None, None, None, None, None, "why", "LEG-7", AT, "key_1", None, None, None, None, 1)
RULE = RetentionRule("profile:bufdir", "profile", "bufdir", 90, "why", None, 1, AT, "key_1")
LINK = Link("lnk_1", "report.zip", 10, "ab", "/api/v1/links/ldl_x", "http://lading.test/api/v1/links/ldl_x", AT)
WHY = ("--reason", "why", "--ticket", "LEG-7")

Desk = Callable[..., Result]


class Server:
    """What was asked of it, and what it answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Any] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1/")
        said = json.loads(request.content) if request.content else dict(request.url.params.multi_items())
        self.seen.append((request.method, path, said))
        answer = self.answers.get(path)
        return httpx2.Response(204) if answer is None else httpx2.Response(200, json=answer)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(
        Line, "client", lambda _line: Client("http://lading.test", transport=httpx2.MockTransport(made))
    )
    return made


@pytest.fixture
def desk(server: Server) -> Desk:
    assert server.seen == []
    return lambda *arguments: CliRunner().invoke(cli.root, arguments, prog_name="lading", standalone_mode=False)


def test_a_hold_is_placed_by_a_filter(desk: Desk, server: Server) -> None:
    server.answers["holds"] = asdict(HOLD)

    result = desk("holds", "place", "--profile", "bufdir", "--from", "2025-01-01", *WHY)

    (method, path, body) = server.seen[0]
    assert (method, path) == ("POST", "holds")
    assert {name: value for name, value in body.items() if value is not None} == {
        "profile": "bufdir", "period_from": "2025-01-01", "reason": "why", "ticket": "LEG-7",
    }  # fmt: skip
    assert "hld_1" in result.output


def test_lifting_asks_first(desk: Desk, server: Server) -> None:
    server.answers["holds/hld_1/lift"] = asdict(HOLD)

    asked = desk("holds", "lift", "hld_1", *WHY)
    lifted = desk("holds", "lift", "hld_1", *WHY, "--yes", "--json")

    assert isinstance(asked.exception, InvalidInput)
    assert server.seen == [("POST", "holds/hld_1/lift", {"reason": "why", "ticket": "LEG-7"})]
    assert json.loads(lifted.stdout)["id"] == "hld_1"


def test_holds_are_listed(desk: Desk, server: Server) -> None:
    server.answers["holds"] = {"items": [asdict(HOLD)], "next_cursor": None}

    result = desk("holds", "list", "--export", "exp_1", "--lifted")

    assert server.seen == [("GET", "holds", {"lifted": "true", "export": "exp_1", "limit": "50"})]
    assert "LEG-7" in result.output


def test_a_rule_is_set_at_the_version_that_was_read(desk: Desk, server: Server) -> None:
    server.answers["retention-rules/profile:bufdir"] = asdict(RULE)

    result = desk("retention", "set", "profile:bufdir", "--days", "90", "--if-version", "1", *WHY)

    assert server.seen == [("PUT", "retention-rules/profile:bufdir", {"days": 90, "reason": "why", "ticket": "LEG-7"})]
    assert "90" in result.output


def test_applying_tells_what_it_would_do_and_asks(desk: Desk, server: Server) -> None:
    server.answers["retention-rules/apply"] = asdict(RetentionApplied(3, 1, dry_run=True))

    looked = desk("retention", "apply", "--dry-run", "--json")
    asked = desk("retention", "apply", *WHY)
    desk("retention", "apply", *WHY, "--yes")

    assert json.loads(looked.stdout) == {"exports": 3, "due": 1, "dry_run": True}
    assert isinstance(asked.exception, InvalidInput)
    assert [said["dry_run"] for _, _, said in server.seen] == [True, True, True, False]


def test_a_link_is_printed_with_its_address(desk: Desk, server: Server) -> None:
    server.answers["exports/exp_1/links"] = asdict(LINK)

    result = desk("links", "make", "exp_1", "--hours", "2", "--output-format", "tsv")

    assert server.seen == [("POST", "exports/exp_1/links", {"artifact": None, "expires_in_seconds": 7200})]
    assert LINK.url in result.output


def test_ending_all_links_asks_first(desk: Desk, server: Server) -> None:
    asked = desk("links", "revoke", *WHY)
    desk("links", "revoke", *WHY, "--yes")

    assert isinstance(asked.exception, InvalidInput)
    assert server.seen == [("POST", "links/revoke", {"reason": "why", "ticket": "LEG-7"})]


def test_every_filter_of_the_list_is_sent(desk: Desk, server: Server) -> None:
    server.answers["exports"] = {"items": [], "next_cursor": None}

    desk("exports", "list", "--type", "snapshot", "--from", "2025-01-01", "--to", "2025-12-31", "--text", "x",
         "--destination", "archive", "--schedule", "sch_1", "--requested-by", "key_1", "--not-held",
         "--created-from", AT, "--created-to", AT, "--sort", "period")  # fmt: skip

    assert server.seen == [
        (
            "GET",
            "exports",
            {
                "limit": "50", "type": "snapshot", "period_from": "2025-01-01", "period_to": "2025-12-31", "q": "x",
                "destination": "archive", "schedule": "sch_1", "requested_by": "key_1", "held": "false",
                "created_from": AT, "created_to": AT, "sort": "period",
            },
        )
    ]  # fmt: skip
