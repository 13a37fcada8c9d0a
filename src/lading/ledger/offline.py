"""
Check a tenant's ledger without the database: recompute the tree from its lines and compare it with the signed head.

Reads one line at a time in bounded memory.  A line that was changed, left out, added or moved gives another root.
Needs `cryptography` and nothing of the server; `lading ledger verify` is this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lading import canonical
from lading.errors import PackageInvalid
from lading.ledger import heads
from lading.ledger.entry import MAX_LINE_BYTES
from lading.ledger.merkle import Frontier
from lading.ledger.trust import Trust

_BATCH: Final = 1024
_FIELDS: Final = frozenset({"actor", "at", "data", "rev", "subject", "tenant", "type", "v"})


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What was proved: these `size` entries, of this log, all of them and in this order, under a trusted key's head."""

    origin: str
    tenant: str | None
    size: int
    root_sha256: str
    keyid: str
    first_at: str | None
    last_at: str | None


def verify_lines(
    lines: Iterable[bytes], head_note: str, trust: Trust, *, start: Frontier | None = None
) -> LedgerReport:
    """
    Return what `lines` (without their newlines, from the first on) and the signed head prove together.

    With a `start` they follow so many leaves that are not here; what it says of those is proved by the root, too.

    Lines after the head's size are not read: entries added since are no fault.  PackageInvalid names an entry that
    can't be one; which of several good-looking entries was changed, a root can't tell.
    """
    head = heads.verify(head_note, trust)
    seen = _Seen()
    frontier, batch = start or Frontier(), list[bytes]()
    for line in _first(lines, head.size - frontier.size):
        seen.admit(line)
        batch.append(line)
        if len(batch) == _BATCH:
            frontier = frontier.extended(batch)
            batch.clear()
    frontier = frontier.extended(batch)
    if frontier.size < head.size:
        raise PackageInvalid(
            f"{head.origin}: the head signs {head.size} entries but only {frontier.size} are here; entries are missing."
        )
    if frontier.root() != head.root:
        raise PackageInvalid(
            f"{head.origin}: the {head.size} entries do not have the signed root: "
            "one was changed, moved, added or removed."
        )
    assert head.keyid is not None
    return LedgerReport(head.origin, seen.tenant, head.size, head.root.hex(), head.keyid, seen.first_at, seen.last_at)


def _first(lines: Iterable[bytes], count: int) -> Iterator[bytes]:
    if count == 0:
        return
    for number, line in enumerate(lines, 1):
        yield line
        if number == count:
            return


class _Seen:
    """What the lines say of themselves so far."""

    def __init__(self) -> None:
        self.count = 0
        self.tenant: str | None = None
        self.first_at: str | None = None
        self.last_at: str | None = None

    def admit(self, line: bytes) -> None:
        """Note one more line; PackageInvalid if it is not an entry of this tenant."""
        where = f"Entry {self.count}"
        if len(line) > MAX_LINE_BYTES:
            raise PackageInvalid(f"{where} has more than {MAX_LINE_BYTES} bytes.")
        try:
            entry = canonical.decode(line)
        except (ValueError, RecursionError) as error:
            raise PackageInvalid(f"{where} is not canonical JSON: {error}.") from error
        if not isinstance(entry, dict) or set(entry) - {"sd"} != set(_FIELDS) or entry["v"] != 1:
            raise PackageInvalid(f"{where} does not have the fields of a ledger entry.")
        tenant, at = str(entry["tenant"]), str(entry["at"])
        if self.count and tenant != self.tenant:
            raise PackageInvalid(f"{where} belongs to {tenant}, the ones before it to {self.tenant}.")
        if not self.count:
            self.tenant, self.first_at = tenant, at
        self.last_at = at
        self.count += 1
