"""
Extracts: the entries of a span of time, exactly those, in one of three formats, page by page.

Sorted by instant, then by what an entry is about, then by its index in the tree: two extracts of the same span are the
same bytes.  A span may end a minute ago at the latest and is refused while entries of it are on their way into the
tree: no entry can come later that belongs into it.  At any time one page is held, and no transaction between two.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from lading import canonical, clock
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row
from lading.errors import Conflict, Gone, InvalidInput
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.ledger")
Format = Literal["ndjson", "json", "csv"]
MEDIA_TYPES: Final[dict[Format, str]] = {
    "ndjson": "application/x-ndjson",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
}
SETTLED_SECONDS: Final = 60
_PAGE: Final = 1000
_COLUMNS: Final = ("index", "at", "type", "subject", "actor_kind", "actor", "rev", "data")


@dataclass(frozen=True, slots=True)
class Span:
    """The instants from `start` to before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an extract holds: how many entries in how many bytes, and their SHA-256."""

    entries: int
    bytes: int
    sha256: str


async def admit(database: Database, tenant_id: UUID, span: Span) -> None:
    """Raise InvalidInput for a span that is none or not over, Conflict while entries of it are on their way."""
    if span.start >= span.end:
        raise InvalidInput.field("to", "must be after from; swap them.")
    async with database.tenant(tenant_id) as tx:
        if span.end > tx.now - timedelta(seconds=SETTLED_SECONDS):
            raise InvalidInput.field(
                "to", f"must be {SETTLED_SECONDS} s ago at least: what began before it may not be written yet."
            )
        row = await tx.one(_SQL["unsettled"], tenant_id=tx.tenant, end=span.end)
        kept = await tx.maybe(_SQL["pruned_until"], tenant_id=tx.tenant)
    if kept is not None and span.start < kept["at"]:
        raise Gone(f"Entries before {clock.show(kept['at'])} were removed when their time was over; begin there.")
    if row["found"]:
        raise Conflict("Entries of that time are on their way into the ledger's tree; ask again in a few seconds.")


async def note(database: Database, tenant_id: UUID, span: Span, form: Format, *, actor: Actor) -> None:
    """Record who took the extract."""
    data = {"from": clock.show(span.start), "to": clock.show(span.end), "format": form}
    async with database.tenant(tenant_id) as tx:
        await record(tx, Entry("ledger.extracted", "ledger:entries", actor, data))


async def chunks(database: Database, tenant_id: UUID, span: Span, form: Format) -> AsyncIterator[bytes]:
    """Yield the bytes of the extract, a page at a time."""
    writer = _WRITERS[form]()
    yield writer.head
    async for page in _pages(database, tenant_id, span):
        yield writer.body(page)
    yield writer.tail()


async def manifest(database: Database, tenant_id: UUID, span: Span, form: Format) -> Manifest:
    """Return the manifest of the extract, which is made once more for it."""
    hashed, size, count = hashlib.sha256(), 0, 0
    writer = _WRITERS[form]()
    hashed.update(writer.head)
    size += len(writer.head)
    async for page in _pages(database, tenant_id, span):
        body = writer.body(page)
        hashed.update(body)
        size, count = size + len(body), count + len(page)
    tail = writer.tail()
    hashed.update(tail)
    return Manifest(count, size + len(tail), hashed.hexdigest())


async def _pages(database: Database, tenant_id: UUID, span: Span) -> AsyncIterator[Sequence[Row]]:
    last: Row | None = None
    while True:
        # From the instant of the page before: what lies before it is not looked at once more.
        async with database.tenant(tenant_id) as tx:
            page = await tx.all(
                _SQL["extract_page"],
                tenant_id=tx.tenant,
                start=span.start if last is None else last["at"],
                end=span.end,
                after_at=None if last is None else last["at"],
                after_subject=None if last is None else last["subject"],
                after_index=None if last is None else last["index"],
                limit=_PAGE,
            )
        if page:
            yield page
            last = page[-1]
        if len(page) < _PAGE:
            return


class _Ndjson:
    """The exact lines that were hashed, one a line."""

    head = b""

    def body(self, page: Iterable[Row]) -> bytes:
        return b"".join(bytes(row["line"]) + b"\n" for row in page)

    def tail(self) -> bytes:
        return b""


class _Json:
    """The same lines as one array."""

    head = b"["

    def __init__(self) -> None:
        self._is_first = True

    def body(self, page: Iterable[Row]) -> bytes:
        lead, self._is_first = (b"\n" if self._is_first else b",\n"), False
        return lead + b",\n".join(bytes(row["line"]) for row in page)

    def tail(self) -> bytes:
        return b"]\n" if self._is_first else b"\n]\n"


class _Csv:
    """One row an entry, with its index; no cell can begin a formula, because none begins with a sign."""

    head = (",".join(_COLUMNS) + "\r\n").encode()

    def body(self, page: Iterable[Row]) -> bytes:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\r\n")
        for row in page:
            told = json.loads(bytes(row["line"]))
            rows.writerow([
                row["index"], told["at"], told["type"], told["subject"], told["actor"]["kind"], told["actor"]["id"],
                "" if told["rev"] is None else told["rev"], canonical.encode(told["data"]).decode(),
            ])  # fmt: skip
        return text.getvalue().encode()

    def tail(self) -> bytes:
        return b""


_WRITERS: Final[dict[Format, Callable[[], _Ndjson | _Json | _Csv]]] = {"ndjson": _Ndjson, "json": _Json, "csv": _Csv}
