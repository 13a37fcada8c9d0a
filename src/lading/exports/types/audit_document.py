"""The audit report as a person reads it: the counts of the period first, then every list, then what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lading.exports.stages.work import Work
from lading.exports.types.document import Column, Document, Figure, Section, grouped, instant
from lading.exports.types.tally import STATES

_BASIS: Final = (
    "Everything in this report is counted from the ledger of the organisation, which can't be changed afterwards. "
    "Days are days in UTC. People are named by the id of their key; names are not in the ledger."
)
_DATA: Final = (
    "entries.ndjson has the entries of the period as they stand in the ledger; events.csv the same for a spreadsheet; "
    "exports.csv one line for each export; summary.json the counts and the signed head."
)
_VERIFIED: Final = (
    "Verified: the tree was recomputed from every entry up to this head, and its root is the signed one. "
    "An entry that was changed, removed or put in would have given another."
)
_NONE: Final = "None in this period."
_CODE: Final = "code"


def compose(work: Work, summary: Mapping[str, Any], ledger: Mapping[str, Any] | None) -> Document:
    """Return what the report says."""
    plan, counts = work.export.plan, summary["counts"]
    as_of = instant(plan.selector["as_of"])
    failed = sum(summary["failures"].values())
    completed = sum(each["completed"] for each in summary["by_profile"].values())
    return Document(
        title="Audit report",
        organisation=work.export.tenant_name,
        period=f"{plan.period_from.isoformat()} – {plan.period_to.isoformat()}",
        subtitle=f"As recorded by {as_of}",
        footer=f"Audit report · as of {as_of}",
        description=(_BASIS, _DATA),
        figures=(
            Figure("Exports asked for", grouped(summary["exports"]["asked"])),
            Figure("Exports completed", grouped(completed)),
            Figure("Failures", grouped(failed), is_alarm=failed > 0),
            Figure("Refusals", grouped(counts["refusals"]), is_alarm=counts["refusals"] > 0),
            Figure("Operator actions", grouped(counts["actions"])),
            Figure("Downloads", grouped(counts["downloads"])),
            Figure("Limits hit", grouped(counts["limits"])),
            Figure("Dead letters", grouped(counts["dead_letters"]), is_alarm=counts["dead_letters"] > 0),
        ),
        sections=(
            _asked(work, summary),
            _ledger(ledger),
            _by_profile(summary),
            _by_code(summary),
            _limits(summary),
            *sorted(_listings(summary), key=lambda each: each.is_wide),
        ),
    )


def _asked(work: Work, summary: Mapping[str, Any]) -> Section:
    return Section(
        "Basis",
        pairs=(
            ("Asked by", work.export.requested_by),
            ("As of", instant(work.export.plan.selector["as_of"])),
            ("Ledger entries of the period", grouped(summary["entries"])),
            ("Exports they tell of", grouped(summary["exports"]["touched"])),
            ("Dead letters closed", grouped(summary["counts"]["dead_letters_closed"])),
        ),
    )


def _ledger(ledger: Mapping[str, Any] | None) -> Section:
    if ledger is None:
        return Section("Ledger", notes=("The ledger had no entry by the end of the period.",))
    return Section(
        "Ledger at the end of the period",
        notes=(_VERIFIED,),
        pairs=(
            ("Log", ledger["origin"]),
            ("Signed head", f"{grouped(ledger['size'])} entries"),
            ("Last entry counted", f"index {ledger['last_entry']}"),
            ("Root (SHA-256)", ledger["root_sha256"]),
            ("Signed by key", str(ledger["keyid"])),
        ),
    )


def _by_profile(summary: Mapping[str, Any]) -> Section:
    rows = [
        [name, *(grouped(counts[state]) for state in STATES), grouped(sum(counts.values()))]
        for name, counts in summary["by_profile"].items()
    ]
    sums = [sum(counts[state] for counts in summary["by_profile"].values()) for state in STATES]
    return Section(
        "Exports by profile and state at the end",
        notes=() if rows else (_NONE,),
        columns=(
            Column("Profile", weight=1),
            *(Column(state.capitalize(), "number") for state in STATES),
            Column("All", "number"),
        ),
        rows=rows,
        total=["All profiles", *map(grouped, sums), grouped(sum(sums))] if rows else (),
    )


def _by_code(summary: Mapping[str, Any]) -> Section:
    rows = [[code, grouped(count)] for code, count in summary["failures"].items()]
    return Section(
        "Failures by code",
        notes=() if rows else (_NONE,),
        columns=(Column("Code", weight=1), Column("Failures", "number")),
        rows=rows,
    )


def _limits(summary: Mapping[str, Any]) -> Section:
    rows = [[each["what"], each["where"], each["cause"], grouped(each["times"])] for each in summary["limits"]]
    return Section(
        "Limits hit",
        notes=() if rows else (_NONE,),
        columns=(
            Column("What", weight=4),
            Column("Where", weight=3),
            Column("Cause", weight=2),
            Column("Times", "number"),
        ),
        rows=rows,
    )


def _listings(summary: Mapping[str, Any]) -> Iterator[Section]:
    lists = summary["lists"]
    yield _listing(
        "Failed exports", lists["failures"], (0,),
        (Column("On"), Column("Export", _CODE), Column("Code", weight=1), Column("Attempt", "number")),
    )  # fmt: skip
    yield _listing(
        "Refusals", lists["refusals"], (0,),
        (
            Column("On"), Column("Who", _CODE), Column("What happened", weight=3), Column("What was asked", weight=3),
            Column("Entry", "number"),
        ),
    )  # fmt: skip
    yield _listing(
        "Operator actions", lists["actions"], (0,),
        (
            Column("On"), Column("Who", _CODE), Column("What happened", weight=4), Column("To", weight=3),
            Column("Reason"), Column("Ticket"), Column("Entry", "number"),
        ),
    )  # fmt: skip
    yield _listing(
        "Downloads", lists["downloads"], (0,),
        (Column("On"), Column("Who", _CODE), Column("Export", _CODE), Column("SHA-256", "digest")),
    )  # fmt: skip
    yield _listing(
        "Dead letters", lists["dead"], (2,),
        (Column("Job", _CODE), Column("Code", weight=1), Column("On"), Column("Entry", "number")),
    )  # fmt: skip


def _listing(heading: str, listed: Mapping[str, Any], instants: Sequence[int], columns: Sequence[Column]) -> Section:
    rows = [[instant(cell) if place in instants else cell for place, cell in enumerate(row)] for row in listed["rows"]]
    notes = () if rows else (_NONE,)
    if listed["count"] > len(rows):
        shown, every = grouped(len(rows)), grouped(listed["count"])
        notes = (f"The table shows the first {shown} of {every}; events.csv has them all.",)
    return Section(heading, notes=notes, columns=columns, rows=rows, is_wide=bool(rows))
