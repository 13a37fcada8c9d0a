"""
The audit report: what happened in a period, as the ledger has it, for a person to read and with the data behind it.

querying streams the ledger's entries of the period into data files and counts them; mapping recomputes the tree up to
the first signed head over the last of them; generating writes the pdf.  Everything comes from the ledger, which never
changes: the same period as of the same instant gives the same bytes.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from lading import clock, ids
from lading.errors import TooLarge
from lading.exports.formats.csv import guarded_text
from lading.exports.model import Stage
from lading.exports.stages.work import Result, Work
from lading.exports.types import audit_document, document, extract, packing, store
from lading.exports.types.packing import CSV, JSON, NDJSON, Laid
from lading.exports.types.store import Span
from lading.exports.types.tally import STATES, Tally
from lading.ledger.store import StoredEntry

NAME: Final = "audit_report.pdf"
MAX_ENTRIES: Final = 2_000_000
_LOOKED_UP: Final = 500
_EVENTS: Final = ("index", "at", "type", "subject", "actor_kind", "actor", "code", "reason", "ticket", "data")
_EXPORTS: Final = (
    "export", "profile", "format", "period", "state", "code", "asked_by", "asked_at", "ended_at", "rows_written",
    "downloads",
)  # fmt: skip


def query(work: Work) -> Result:
    """Keep the entries of the period as they stand, and count what they say."""
    span = span_of(work)
    extract.wait_until_told(work, [], span.known_until)
    tally, last = Tally(), None
    with (
        work.blobs.writer(work.key("entries.ndjson")) as lines,
        work.blobs.writer(work.key("events.csv")) as events,
    ):
        events.write(_row(_EVENTS))
        for entry in _entries(work, span):
            line = extract.read(entry)
            lines.write(entry.line + b"\n")
            events.write(_row(_event(entry.index, line)))
            tally.add(entry.index, line)
            last = entry.index
            if tally.entries > MAX_ENTRIES:
                raise TooLarge(f"The period has more than {MAX_ENTRIES} entries; choose a shorter one.")
    _look_up(work, tally)
    with work.blobs.writer(work.key("exports.csv")) as exports:
        exports.write(_row(_EXPORTS))
        for export_id in sorted(tally.exports):
            exports.write(_row(_export(export_id, tally)))
    laid = [
        Laid("entries.ndjson", NDJSON, work.facts("entries.ndjson")),
        Laid("events.csv", CSV, work.facts("events.csv")),
        Laid("exports.csv", CSV, work.facts("exports.csv")),
    ]
    last = work.ask(lambda tx: store.last_before(tx, span)) if last is None else last
    return {
        "consistency": "ledger-as-of",
        "summary": _summary(tally),
        "last": last,
        "laid": [each.to_json() for each in laid],
        "files": {each.name: dict(each.facts) for each in laid},
    }


def verify(work: Work) -> Result:
    """Recompute the ledger up to the head that covers the period."""
    queried = work.results[Stage.QUERYING]
    entries, last = queried["summary"]["entries"], queried["last"]
    counts = packing.counted(read=entries, written=entries)
    if last is None:
        return {"mapping": counts, "ledger": None, "files": {}}
    proved = extract.proved(work, [], last=last)
    ledger = {
        "origin": proved.origin, "size": proved.head.size, "root_sha256": proved.head.root.hex(),
        "keyid": proved.keyid, "note": proved.head.note, "last_entry": last, "verified": True,
    }  # fmt: skip
    return {"mapping": counts, "ledger": ledger, "files": {}}


def generate(work: Work) -> Result:
    """Write the summary for programs and the report for people."""
    queried, ledger = work.results[Stage.QUERYING], work.results[Stage.MAPPING]["ledger"]
    plan = work.export.plan
    summary = {
        "schema_version": "lading.audit/1",
        "tenant": work.export.tenant_slug,
        "period": {"from": plan.period_from.isoformat(), "to": plan.period_to.isoformat()},
        "as_of": plan.selector["as_of"],
        "ledger": ledger,
        **{name: value for name, value in queried["summary"].items() if name != "lists"},
    }
    told = packing.lay(work, "summary.json", "summary.json", JSON, packing.pretty(summary))
    said = audit_document.compose(work, queried["summary"], ledger)
    report = document.write(work, NAME, NAME, said, dated=plan.period_to)
    kept = [Laid(item["name"], item["media_type"], _facts(item)) for item in queried["laid"]]
    return packing.handed_out([report], [report, told, *kept])


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {
    Stage.QUERYING: query,
    Stage.MAPPING: verify,
    Stage.GENERATING: generate,
    Stage.BUNDLING: packing.bundle,
}


def span_of(work: Work) -> Span:
    """Return the days of the period, in UTC, as far as they were recorded."""
    plan = work.export.plan
    start, end = (
        datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        for day in (plan.period_from, plan.period_to + datetime.timedelta(days=1))
    )
    return Span(start, end, clock.parse(plan.selector["as_of"]))


def _entries(work: Work, span: Span) -> Iterator[StoredEntry]:
    first, count = 0, 0
    while True:
        page = work.ask(_page(span, first))
        yield from page
        count += len(page)
        work.advance(count, None)
        if len(page) < store.PAGE:
            return
        first = page[-1].index + 1


def _page(span: Span, first: int) -> Callable[..., Any]:
    return lambda tx: store.recorded(tx, span, first=first)


def _look_up(work: Work, tally: Tally) -> None:
    """Let exports that were asked for before the period have a profile and a period, too."""
    lacking = [each for each, export in tally.exports.items() if export.profile is None]
    for first in range(0, len(lacking), _LOOKED_UP):
        wanted = [ids.parse(ids.EXPORT, each) for each in lacking[first : first + _LOOKED_UP]]
        for chosen in work.ask(_named(wanted)):
            export = tally.exports[ids.show(ids.EXPORT, chosen.id)]
            export.profile, export.format = chosen.profile, chosen.format
            export.period = f"{chosen.period_from.isoformat()} – {chosen.period_to.isoformat()}"
            export.asked_by, export.asked_at = chosen.requested_by, clock.show(chosen.created_at)


def _named(wanted: Sequence[Any]) -> Callable[..., Any]:
    return lambda tx: store.named(tx, wanted)


def _summary(tally: Tally) -> dict[str, Any]:
    profiles = tally.by_profile()
    return {
        "entries": tally.entries,
        "exports": {"asked": tally.asked, "touched": len(tally.exports)},
        "by_profile": {name: {state: counts[state] for state in STATES} for name, counts in profiles.items()},
        "failures": dict(sorted(tally.codes.items())),
        "limits": [{"what": a, "where": b, "cause": c, "times": n} for (a, b, c), n in sorted(tally.limits.items())],
        "counts": {
            "refusals": tally.refusals.count,
            "actions": tally.actions.count,
            "downloads": tally.downloads.count,
            "limits": sum(tally.limits.values()),
            "dead_letters": tally.dead.count,
            "dead_letters_closed": tally.closed,
        },
        "lists": {
            "failures": tally.failures.to_json(),
            "refusals": tally.refusals.to_json(),
            "actions": tally.actions.to_json(),
            "downloads": tally.downloads.to_json(),
            "dead": tally.dead.to_json(),
        },
    }


def _event(index: int, line: Mapping[str, Any]) -> Sequence[object]:
    data = line["data"]
    return (
        index,
        line["at"],
        line["type"],
        line["subject"],
        line["actor"]["kind"],
        line["actor"]["id"],
        data.get("code", ""),
        "given" if data.get("reason") else "",
        data.get("ticket", ""),
        json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
    )


def _export(export_id: str, tally: Tally) -> Sequence[object]:
    each = tally.exports[export_id]
    return (
        export_id, each.profile, each.format, each.period, each.state, each.code, each.asked_by, each.asked_at,
        each.ended_at, each.rows, each.downloads,
    )  # fmt: skip


def _row(cells: Sequence[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue().encode()


def _cell(value: object) -> object:
    """Return what stands in a cell; a text that a spreadsheet would run gets an apostrophe in front."""
    return guarded_text(value) if isinstance(value, str) else "" if value is None else value


def _facts(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("key", "size", "sha256")}
