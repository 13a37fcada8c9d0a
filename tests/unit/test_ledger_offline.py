"""With the lines and the signed head alone, anybody can tell whether a ledger is whole."""  # A1

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from lading.errors import PackageInvalid
from lading.ledger import heads
from lading.ledger.entry import SYSTEM, Entry, line
from lading.ledger.keys import Signer
from lading.ledger.merkle import root_of
from lading.ledger.offline import verify_lines
from lading.ledger.trust import Trust

SIGNER = Signer.generate("log")
TRUST = Trust("test", (SIGNER.public,))
TENANT = UUID(int=7)
LINES = [
    line(Entry("job.started", "job_1", SYSTEM, rev=n), tenant=TENANT, at=datetime(2026, 1, 1, 0, 0, n, tzinfo=UTC))
    for n in range(20)
]
NOTE = heads.sign("test/t/acme", 20, root_of(LINES), SIGNER)


def test_a_whole_ledger_is_reported() -> None:
    report = verify_lines(LINES, NOTE, TRUST)

    assert (report.origin, report.size, report.keyid) == ("test/t/acme", 20, SIGNER.public.keyid)
    assert (report.first_at, report.last_at) == ("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:19.000000Z")


def test_entries_newer_than_the_head_are_no_fault() -> None:
    assert verify_lines([*LINES, b"whatever came later"], NOTE, TRUST).size == 20


def test_an_empty_ledger_is_whole() -> None:
    assert verify_lines([b"later"], heads.sign("test/t/acme", 0, root_of([]), SIGNER), TRUST).tenant is None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:-1], "only 19 are here"),
        (LINES[1:], "only 19 are here"),
        ([], "only 0 are here"),
        ([LINES[1], LINES[0], *LINES[2:]], "do not have the signed root"),
        ([*LINES[:5], LINES[5].replace(b'rev":5', b'rev":6'), *LINES[6:]], "do not have the signed root"),
        ([*LINES[:5], LINES[4], *LINES[5:]], "do not have the signed root"),
        ([*LINES[:5], LINES[5] + b" ", *LINES[6:]], "Entry 5 is not canonical"),
        ([*LINES[:5], b"{}", *LINES[6:]], "Entry 5 does not have the fields"),
        ([*LINES[:5], b"[" * 60_000, *LINES[6:]], "Entry 5 is not canonical"),
        ([*LINES[:5], b"1" * 70_000, *LINES[6:]], "Entry 5 has more than"),
        ([*LINES[:5], LINES[5].replace(b"ten_0", b"ten_1"), *LINES[6:]], "Entry 5 belongs to"),
    ],
)
def test_what_was_changed_is_found(lines: list[bytes], message: str) -> None:
    with pytest.raises(PackageInvalid, match=message):
        verify_lines(lines, NOTE, TRUST)
