"""
Files on their way to somebody: each has a row that its export is not removed under while it is renewed.

Beginning one counts and records the download, before a byte leaves.  One that is cut is recorded with how far it came,
also when it is the process that died: its row runs out, and the sweep finds it.  The database may be away while bytes
flow; they flow on, and only the protection may lapse.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lading import ids
from lading.canonical import Json
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import LadingError, Overloaded, TooManyDownloads
from lading.exports.model import StoredArtifact
from lading.ledger.entry import Actor, Entry
from lading.ledger.store import record

_SQL: Final = Statements("lading.exports")
_LOG: Final = logging.getLogger("lading.exports")
_LEASE_SECONDS: Final = 60.0
RENEW_SECONDS: Final = 15.0
_LAPSED_SECONDS: Final = 600.0
_REST_SECONDS: Final = 5.0
_AWAY_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `first` to before `end`."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Handout:
    """A file on its way: whose, of which export, and under which link if it was one."""

    tenant_id: UUID
    id: UUID
    export_id: UUID
    actor: Actor

    @property
    def shown(self) -> str:
        """Return the name that the ledger knows it by."""
        return ids.show(ids.HANDOUT, self.id)


class Crowd:
    """How many files are on their way in this process, of all tenants and of each."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most: Final = most
        self._most_each: Final = most_each
        self._count: Final[Counter[UUID]] = Counter()

    def enter(self, tenant_id: UUID) -> None:
        """Count one more; TooManyDownloads or Overloaded when there are enough. Who was let in leaves once."""
        if self._count[tenant_id] >= self._most_each:
            raise TooManyDownloads(
                f"{self._most_each} files are on their way to this organisation; let one arrive, then try again.",
                retry_after_seconds=_REST_SECONDS,
            )
        if self._count.total() >= self._most:
            raise Overloaded(
                f"This server hands out {self._most} files already; try again in a moment.",
                retry_after_seconds=_REST_SECONDS,
            )
        self._count[tenant_id] += 1

    def leave(self, tenant_id: UUID) -> None:
        """Count one less."""
        self._count[tenant_id] -= 1
        if not self._count[tenant_id]:
            del self._count[tenant_id]


async def begin(
    tx: Transaction,
    export_id: UUID,
    artifact: StoredArtifact,
    span: Span,
    *,
    actor: Actor,
    link: UUID | None = None,
    url_seconds: int | None = None,
) -> Handout | None:
    """
    Count and record that these bytes are handed out, and keep the export meanwhile; None when it is gone.

    `url_seconds` is how long a URL of the bucket is good: what was asked for is then known, not what arrived, nor when.
    The export is kept as long, and a while longer for what began in the last second.
    """
    made = Handout(tx.tenant, ids.new(), export_id, actor)
    row = await tx.maybe(
        _SQL["handout_begin"],
        tenant_id=tx.tenant,
        id=made.id,
        export_id=export_id,
        seconds=_LEASE_SECONDS if url_seconds is None else url_seconds + _AWAY_SECONDS,
        is_away=url_seconds is not None,
    )
    if row is None:
        return None
    # A URL gives all of the file, whatever part of it was asked for.
    if span.first == 0 or url_seconds is not None:
        await tx.run(_SQL["count_download"], tenant_id=tx.tenant, export_id=export_id, name=artifact.name)
    data: dict[str, Json] = {"sha256": artifact.sha256, "handout": made.shown}
    if span != Span(0, artifact.size):
        data |= {"first": span.first, "end": span.end}
    if url_seconds is not None:
        data |= {"by": "redirect", "url_seconds": url_seconds}
    if link is not None:
        data["link"] = ids.show(ids.LINK, link)
    await record(tx, Entry("export.downloaded", ids.show(ids.EXPORT, export_id), actor, data))
    return made


async def renew(database: Database, handout: Handout) -> None:
    """Keep its export for another while; an absent database is tried again by the next call."""
    try:
        async with database.tenant(handout.tenant_id) as tx:
            await tx.run(_SQL["handout_renew"], tenant_id=tx.tenant, id=handout.id, seconds=_LEASE_SECONDS)
    except LadingError as error:
        _LOG.warning("handout.not_renewed", extra={"handout": handout.shown, "reason": error.message})


async def end(database: Database, handout: Handout, *, sent: int, is_whole: bool) -> None:
    """Let go of the export, and record it when fewer bytes were sent than were promised."""
    try:
        async with database.tenant(handout.tenant_id) as tx:
            row = await tx.maybe(_SQL["handout_end"], tenant_id=tx.tenant, id=handout.id)
            if row is not None and not is_whole:
                await _note_cut(tx, handout.id, handout.export_id, handout.actor, sent)
    except LadingError as error:
        _LOG.warning("handout.not_ended", extra={"handout": handout.shown, "reason": error.message})


async def lapse(tx: Transaction, *, actor: Actor) -> int:
    """Record as cut what processes that died were handing out; return how many. Of a bucket nobody knows."""
    rows = await tx.all(_SQL["handouts_lapsed"], tenant_id=tx.tenant, seconds=_LAPSED_SECONDS)
    cut = [row for row in rows if not row["is_away"]]
    for row in cut:
        await _note_cut(tx, row["id"], row["export_id"], actor, None)
    return len(cut)


async def _note_cut(tx: Transaction, handout_id: UUID, export_id: UUID, actor: Actor, sent: int | None) -> None:
    data: dict[str, Json] = {"handout": ids.show(ids.HANDOUT, handout_id), "bytes": sent}
    await record(tx, Entry("export.download_cut", ids.show(ids.EXPORT, export_id), actor, data))
