"""The cover of an evidence pack: what is inside, who asked for it when, with digests, and how to check it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lading.exports.stages.work import Work
from lading.exports.types import document
from lading.exports.types.document import Column, Document, Figure, Section, grouped, instant
from lading.exports.types.packing import Laid

NAME: Final = "cover.pdf"
_VERIFY: Final = (
    "Verify the whole package with lading verify FILE: every byte is accounted for and signed. "
    "Each file below has the SHA-256 that any tool recomputes."
)
_GONE: Final = "These files are gone. The ledger entry that says who removed them, and when, is in ledger.ndjson."
_CHECKS: Final = (
    (
        "Every byte, and the signature",
        "lading verify FILE --trust trust.json; the trust file by another way than the pack",
    ),
    ("One file", "unzip FILE, then sha256sum NAME: the digest is in the table of files"),
    ("What was signed", "statement.dsse.json, in-toto in DSSE: securesystemslib and sigstore read it"),
    ("An entry of the ledger", "its SHA-256 (RFC 6962), its path in proofs.json, and the signed head give one root"),
    ("All that is about one export", "lading bundle create --filter ID --output FILE: a partial audit bundle"),
)
_PROVE: Final = (
    "ledger.ndjson holds the entries as they stand in the ledger. proofs.json has the signed head and, for each line, "
    "the path that leads from it to the signed root (RFC 6962): an entry that was changed leads elsewhere."
)


def write(work: Work, gathered: Mapping[str, Any], *, dated: datetime.date) -> Laid:
    """Set the cover."""
    return document.write(work, NAME, NAME, compose(work, gathered), dated=dated)


def compose(work: Work, gathered: Mapping[str, Any]) -> Document:
    """Return what the cover says."""
    exports, ledger, plan = gathered["exports"], gathered["ledger"], work.export.plan
    files = [file for each in exports for file in each["files"]]
    missing = sum(len(each["missing"]) for each in exports)
    as_of = instant(plan.selector["as_of"])
    return Document(
        title="Evidence pack",
        organisation=work.export.tenant_name,
        period=f"{plan.period_from.isoformat()} – {plan.period_to.isoformat()}",
        subtitle=f"As the records stood on {as_of}",
        footer=f"Evidence pack · as of {as_of}",
        description=(_VERIFY, _PROVE),
        figures=(
            Figure("Exports", grouped(len(exports))),
            Figure("Files", grouped(len(files))),
            Figure("Ledger entries", grouped(ledger["entries"])),
            Figure("Files missing", grouped(missing), is_alarm=missing > 0),
        ),
        sections=tuple(_sections(work, exports, ledger)),
    )


def _sections(work: Work, exports: Sequence[Mapping[str, Any]], ledger: Mapping[str, Any]) -> Iterator[Section]:
    selector = work.export.plan.selector
    asked = selector.get("asked", {})
    period = asked.get("period")
    yield Section(
        "Asked for",
        pairs=(
            ("Asked by", work.export.requested_by),
            ("As of", instant(selector["as_of"])),
            ("Profile", asked.get("profile", "any" if asked else "exports named one by one")),
            *((("Period", f"{period['from']} – {period['to']}"),) if period else ()),
        ),
    )
    yield Section(
        "Ledger",
        pairs=(
            ("Log", ledger["origin"]),
            ("Entries in this pack", f"{grouped(ledger['entries'])} (index {ledger['first']} to {ledger['last']})"),
            ("Signed head", f"{grouped(ledger['size'])} entries; its root was recomputed when this pack was made"),
            ("Root (SHA-256)", ledger["root_sha256"]),
            ("Signed by key", str(ledger["keyid"])),
            *_pruned(exports),
        ),
    )
    yield Section("How to check it", pairs=_CHECKS)
    if gone := [row for each in exports for row in _missing(each)]:
        yield Section(
            "Missing",
            notes=(_GONE,),
            columns=(
                Column("Export", "code"), Column("File", weight=3), Column("Why", weight=2),
                Column("Removed by", "code"), Column("On"), Column("Entry", "number"), Column("SHA-256", "digest"),
            ),
            rows=gone,
            is_wide=True,
        )  # fmt: skip
    yield Section(
        "Exports",
        columns=(
            Column("Export", "code"), Column("Profile", weight=3), Column("Period", weight=2), Column("State"),
            Column("Asked by", "code"), Column("Asked on"), Column("Rows", "number"), Column("Files", "number"),
        ),
        rows=[_export(each) for each in exports],
        is_wide=True,
    )  # fmt: skip
    if files := [_file(each, file) for each in exports for file in each["files"]]:
        yield Section(
            "Files",
            notes=("Below exports/, in the folder of the export; read in full and compared with these digests.",),
            columns=(
                Column("Export", "code"), Column("File", weight=1), Column("Bytes", "number"),
                Column("SHA-256", "digest"),
            ),
            rows=files,
            is_wide=True,
        )  # fmt: skip


def _export(each: Mapping[str, Any]) -> list[str]:
    period, rows = each["period"], each["rows_written"]
    profile = f"{each['profile']} (revision {each['revision']})" if each["revision"] else each["type"]
    return [
        each["id"],
        f"{profile}, {each['format']}",
        f"{period['from']} – {period['to']}",
        each["state"],
        each["asked_by"],
        instant(each["asked_at"]),
        "–" if rows is None else grouped(rows),
        grouped(len(each["files"])),
    ]


def _file(each: Mapping[str, Any], file: Mapping[str, Any]) -> list[str]:
    return [each["id"], file["name"], grouped(file["size"]), file["sha256"]]


def _pruned(exports: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    if gone := [each["id"] for each in exports if "pruned" in each]:
        named = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        yield "Pruned", f"The ledger no longer has the first entries about {named}, and what they told is not in here"


def _missing(each: Mapping[str, Any]) -> Iterator[list[str]]:
    for file in each["missing"]:
        tombstone = file["tombstone"]
        why = "damaged or lost in storage" if file["reason"] == "not-whole" else file["reason"]
        yield [
            each["id"],
            file["name"],
            why,
            "–" if tombstone is None else tombstone["actor"]["id"],
            "–" if tombstone is None else instant(tombstone["at"]),
            "–" if tombstone is None else str(tombstone["index"]),
            file["sha256"] or "–",
        ]
