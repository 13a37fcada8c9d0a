"""
What an audit report counts: one pass over the lines of a period, in their order.

Pure; memory grows with the exports of the period, a few hundred bytes each, and with nothing else: of every list only
the first rows are kept for the pdf, the data files have them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lading.exports.types.document import MAX_ROWS
from lading.ledger.entry import EVENT_TYPES

_STATES: Final[Mapping[str, str]] = {
    "export.created": "open",
    "export.retried": "open",
    "export.completed": "completed",
    "export.failed": "failed",
    "export.cancelled": "cancelled",
    "export.expired": "expired",
    "export.deleted": "deleted",
}
STATES: Final = ("completed", "failed", "cancelled", "expired", "deleted", "open")
_ENDS: Final = frozenset({"export.completed", "export.failed", "export.cancelled"})
_REFUSALS: Final = frozenset({"policy.denied", "enqueue.refused"})
_LIMITS: Final = frozenset({"lane.blocked", "breaker.opened", "bucket.adapted", "enqueue.refused"})
_CLOSED: Final = frozenset({"job.requeued", "letter.requeued", "letter.resolved", "letter.discarded"})
# What a person did with what runs here; asking for exports and fetching them is told elsewhere in the report.
_ACTIONS: Final = (
    "allocation.", "blackout.", "bucket.", "delivery.requested", "destination.", "export.cancel_requested",
    "export.deleted", "export.retried", "job.cancel_requested", "job.hastened", "job.prioritised", "job.replayed",
    "job.requeued", "key.", "letter.", "pause.", "profile.", "quota.", "retry_policy.", "run.cancel_requested",
    "source.",
)  # fmt: skip


@dataclass(slots=True)
class Export:
    """An export as the entries of the period tell of it; what lies before the period is None."""

    profile: str | None = None
    format: str | None = None
    period: str | None = None
    asked_by: str | None = None
    asked_at: str | None = None
    ended_at: str | None = None
    state: str = "open"
    code: str | None = None
    rows: int | None = None
    downloads: int = 0


@dataclass(slots=True)
class Listing:
    """The first rows of a list, and how many there are."""

    rows: list[list[str]] = field(default_factory=list[list[str]])
    count: int = 0

    def add(self, *cells: str) -> None:
        """Append a row; from some number on it is only counted."""
        self.count += 1
        if len(self.rows) < MAX_ROWS:
            self.rows.append(list(cells))

    def to_json(self) -> dict[str, Any]:
        """Return the list as plain JSON values."""
        return {"rows": self.rows, "count": self.count}


class Tally:
    """Everything the report counts so far."""

    def __init__(self) -> None:
        self.entries = 0
        self.asked = 0
        self.exports: Final[dict[str, Export]] = {}
        self.codes: Final[Counter[str]] = Counter()
        self.limits: Final[Counter[tuple[str, str, str]]] = Counter()
        self.failures: Final = Listing()
        self.refusals: Final = Listing()
        self.actions: Final = Listing()
        self.downloads: Final = Listing()
        self.dead: Final = Listing()
        self.closed = 0

    def add(self, index: int, line: Mapping[str, Any]) -> None:
        """Count one more line."""
        self.entries += 1
        event, data, at, who = line["type"], line["data"], line["at"], line["actor"]
        if event in _STATES or event == "export.downloaded":
            self._export(line)
        if event in _REFUSALS:
            self.refusals.add(at, who["id"], EVENT_TYPES[event], _what(data), str(index))
        if event in _LIMITS:
            self.limits[EVENT_TYPES[event], _where(line), _cause(data)] += 1
        if event == "job.dead":
            self.dead.add(line["subject"], str(data.get("code", "")), at, str(index))
        if event in _CLOSED:
            self.closed += 1
        if who["kind"] in {"key", "member"} and event.startswith(_ACTIONS):
            reason = "given" if data.get("reason") else "–"
            self.actions.add(
                at, who["id"], EVENT_TYPES[event], line["subject"], reason, str(data.get("ticket") or "–"), str(index)
            )

    def _export(self, line: Mapping[str, Any]) -> None:
        export = self.exports.setdefault(line["subject"], Export())
        event, data, at = line["type"], line["data"], line["at"]
        if event == "export.downloaded":
            export.downloads += 1
            self.downloads.add(at, line["actor"]["id"], line["subject"], str(data.get("sha256", "")))
            return
        export.state, export.code = _STATES[event], None
        if event == "export.created":
            self.asked += 1
            export.profile, export.format = data["profile"], data["format"]
            export.period = f"{data['period_from']} – {data['period_to']}"
            export.asked_by, export.asked_at = line["actor"]["id"], at
        if event in _ENDS:
            export.ended_at = at
            export.rows = data.get("rows", {}).get("written")
        if event == "export.failed":
            export.code = str(data.get("code", ""))
            self.codes[export.code] += 1
            self.failures.add(at, line["subject"], export.code, str(data.get("attempt", "")))

    def by_profile(self) -> dict[str, Counter[str]]:
        """Return for each profile how many of its exports are in which state at the end."""
        found: dict[str, Counter[str]] = {}
        for export in self.exports.values():
            counts = found.setdefault(export.profile or "unknown", Counter())
            counts[export.state] += 1
        return dict(sorted(found.items()))


def _where(line: Mapping[str, Any]) -> str:
    data = line["data"]
    return f"{data['kind']} on {data['host']}" if "host" in data and "kind" in data else str(line["subject"])


def _cause(data: Mapping[str, Any]) -> str:
    return str(data.get("waiting_for") or data.get("code") or data.get("rule") or data.get("limit") or "–")


def _what(data: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in sorted(data.items()) if isinstance(value, str | int)) or "–"
