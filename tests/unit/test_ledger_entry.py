"""A ledger line is canonical, complete and holds nothing that one may want erased."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import rfc8785

from lading import ids
from lading.ledger.entry import Actor, Entry, line

TENANT = UUID("00000000-0000-7000-8000-000000000001")
AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
ACTOR = Actor("worker", "lse_1")


def test_a_line_says_what_when_whose_and_by_whom() -> None:
    entry = Entry("job.started", "job_01", ACTOR, {"attempt": 2, "kind": "export"}, rev=3)

    written = line(entry, tenant=TENANT, at=AT)

    assert written == (
        b'{"actor":{"id":"lse_1","kind":"worker"},"at":"2026-01-02T03:04:05.000006Z","data":{"attempt":2,"kind":"export"},'
        b'"rev":3,"subject":"job_01","tenant":"%s","type":"job.started","v":1}' % ids.show("ten", TENANT).encode()
    )
    assert written == rfc8785.dumps(json.loads(written))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "job.exploded"}, "not a type"),
        ({"subject": "Kari Nordmann"}, "not a ledger subject"),
        ({"subject": ""}, "not a ledger subject"),
        ({"data": {"share": 0.5}}, "float"),
        ({"data": {"note": "dear\nsir"}}, "prose"),
        ({"data": {"note": ["x" * 501]}}, "prose"),
        ({"data": {f"k{n}": "x" * 500 for n in range(140)}}, "over 65535"),
    ],
)
def test_what_is_not_fit_for_a_tree_is_refused(change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"type": "job.started", "subject": "job_01", "actor": ACTOR} | change

    with pytest.raises(ValueError, match=message):
        line(Entry(**given), tenant=TENANT, at=AT)


def test_named_things_are_subjects_too() -> None:
    assert b'"subject":"profile:bufdir"' in line(
        Entry("profile.revised", "profile:bufdir", ACTOR), tenant=TENANT, at=AT
    )
