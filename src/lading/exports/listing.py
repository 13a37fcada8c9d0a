"""
Lists of exports: filters, orders, and places in them.

A list is sorted only by what never changes of an export, with the id last.  So whatever is added, ends or goes while
somebody turns pages, no export comes twice, and each that was there from the first page to the last comes once.
Takes `tx`, never commits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

from lading import canonical, clock, ids
from lading.canonical import Json
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import InvalidInput, NotFound
from lading.exports import store
from lading.exports.model import StoredExport

_SQL: Final = Statements("lading.exports")
Sort = Literal["-created", "created", "-period", "period", "-profile", "profile"]
NEWEST: Final = "-created"


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list shows, and in which order; empty or None means everything. `created_to` is not included."""

    status: Sequence[str] = ()
    profile: str | None = None
    type: str | None = None
    format: str | None = None
    period_from: date | None = None
    period_to: date | None = None
    awaits_approval: bool = False
    text: str | None = None
    schedule_id: UUID | None = None
    destination: str | None = None
    requested_by: str | None = None
    is_held: bool | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    sort: Sort = NEWEST


@dataclass(frozen=True, slots=True)
class Place:
    """An export in a list: what the list sorts by, empty where that is the id alone, and its id."""

    key: str
    id: UUID


async def page(tx: Transaction, wanted: Filter, *, after: Place | None, limit: int) -> list[StoredExport]:
    """Return up to `limit` exports behind `after`, in the order that is wanted."""
    # Newest first needs no sorting: it reads the primary key backwards and stops when the page is full.
    rows = await tx.all(
        _SQL["list" if wanted.sort == NEWEST else "list_sorted"],
        tenant_id=tx.tenant,
        after_id=None if after is None else after.id,
        status=list(wanted.status),
        profile=wanted.profile,
        type=wanted.type,
        format=wanted.format,
        period_from=wanted.period_from,
        period_to=wanted.period_to,
        awaits_approval=wanted.awaits_approval,
        text=wanted.text or None,
        export_id=_id_in(wanted.text),
        schedule_id=wanted.schedule_id,
        destination=wanted.destination,
        requested_by=wanted.requested_by,
        held=wanted.is_held,
        created_from=wanted.created_from,
        created_to=wanted.created_to,
        limit=limit,
        **({} if wanted.sort == NEWEST else _order(wanted.sort, after)),
    )
    return [store.export_of(row) for row in rows]


async def count(tx: Transaction, *, status: Sequence[str] = (), profile: str | None = None) -> int:
    """Return how many exports there are."""
    row = await tx.one(_SQL["count"], tenant_id=tx.tenant, status=list(status), profile=profile)
    return int(row["total"])


def place_of(export: StoredExport, wanted: Filter) -> Place:
    """Return where the export stands in the list."""
    match wanted.sort.removeprefix("-"):
        case "period":
            return Place(export.plan.period_from.isoformat(), export.id)
        case "profile":
            return Place(export.plan.profile, export.id)
        case _:
            return Place("", export.id)


def cursor(last: Place, wanted: Filter) -> str:
    """
    Return the opaque place behind `last` in the list that `wanted` filters and sorts.

    >>> wanted = Filter(profile="å", sort="profile")
    >>> parse(cursor(Place("å", UUID(int=7)), wanted), wanted)
    Place(key='å', id=UUID('00000000-0000-0000-0000-000000000007'))
    """
    text = json.dumps([last.key, ids.show(ids.EXPORT, last.id), _digest(wanted)], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse(text: str, wanted: Filter) -> Place:
    """Return the place behind which the page begins; InvalidInput for a cursor of another list or none at all."""
    try:
        padded = text + "=" * (-len(text) % 4)
        key, last, digest = json.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True))
        if not isinstance(key, str) or "\0" in key:
            raise ValueError
        key.encode()  # a lone surrogate is no text of ours
        found = Place(key, ids.parse(ids.EXPORT, str(last)))
    except (ValueError, TypeError, RecursionError, binascii.Error, NotFound):
        raise InvalidInput.field("cursor", "is not a cursor of this list; start again without it") from None
    if digest != _digest(wanted):
        raise InvalidInput.field("cursor", "belongs to a list with other filters; start again without it")
    return found


def _order(sort: Sort, after: Place | None) -> dict[str, str | bool | None]:
    return {
        "sort": sort.removeprefix("-"),
        "descending": sort.startswith("-"),
        "after_key": None if after is None else after.key,
    }


def _id_in(text: str | None) -> UUID | None:
    """Return the id that a search is for: outer ids are known outside alone."""
    try:
        return None if text is None else ids.parse(ids.EXPORT, text.strip())
    except NotFound:
        return None


def _digest(wanted: Filter) -> str:
    values: list[Json] = [sorted(wanted.status), *(_plain(each) for each in astuple(wanted)[1:])]
    return hashlib.sha256(canonical.encode(values)).hexdigest()[:16]


def _plain(value: object) -> Json:
    match value:
        case datetime():
            return clock.show(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case None | bool() | str():
            return value
        case _:
            raise TypeError(f"a filter of {type(value).__name__} can't be told apart from others")
