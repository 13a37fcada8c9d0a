"""A line is an entry in one form and no other, with or without words that it commits to."""

# A3

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lading_verify import entries
from lading_verify.entries import NoEntry

COMMITTED = base64.b64encode(bytes(32)).decode()


def line(**more: Any) -> bytes:
    told = {
        "actor": {"id": "lading", "kind": "system"}, "at": "2026-01-01T00:00:00.000000Z", "data": {"reason": True},
        "rev": None, "subject": "hld_1", "tenant": "ten_" + "0" * 26, "type": "hold.placed", "v": 1, **more,
    }  # fmt: skip
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def test_an_entry_that_commits_to_words_is_read_like_any_other() -> None:
    assert entries.parse(line(sd={"reason": COMMITTED})) == entries.parse(line())


@pytest.mark.parametrize(
    "sd",
    [{}, [], None, {"reason": True}, {"reason": ""}, {"reason": COMMITTED[:-4]}, {"reason": COMMITTED[:-2] + "B="}],
)
def test_what_is_no_commitment_is_refused(sd: Any) -> None:
    with pytest.raises(NoEntry) as refused:
        entries.parse(line(sd=sd))

    assert refused.value.field == "sd"
