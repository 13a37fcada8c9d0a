"""
The report as a pdf: key figures, breakdowns, the basis of the data and the first rows, as PDF/A-2a and PDF/UA-1.

The document is set by typst in a disposable child process with a memory and a time limit.  Rows reach it as strings in
a JSON file and can never become markup.  A table with more than the pdf shows (rows, long texts, scripts without font)
comes whole in a csv beside it, and the pdf says so.  Bytes depend on table, profile and facts alone; the document is
dated to the end of the period.
"""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import polars as pl

from lading.errors import ExportError
from lading.exports.formats import csv
from lading.exports.formats.coverage import REPLACEMENT, is_settable, settable
from lading.exports.formats.report import Report, ReportFacts, ReportFile
from lading.exports.formats.summary import Summary, Words, summarise
from lading.exports.formats.text import WHOLE, full, mark_of, number_text, pattern_of
from lading.exports.mapping import MappingResult
from lading.exports.profile import Column, Profile

MEDIA_TYPE: Final = "application/pdf"
WALL_SECONDS: float = 120
_LOOK_SECONDS: Final = 0.5
WIDE_FROM: Final = 7
# A text in the listing, in characters: of narrow columns fewer make a row as high as a page.
MAX_CELL: Final = 400
MAX_NARROW_CELL: Final = 160
MAX_RUNNING: Final = 76
_CHILD: Final = Path(__file__).with_name("typst_child.py")
TEMPLATE: Final = "report.typ"

_BREAKDOWN_WORDS: Final = {
    "nb": Words("Antall", "Totalt", "Øvrige ({count})", "Ikke oppgitt"),
    "en": Words("Count", "Total", "Others ({count})", "Not given"),
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "nb": {
        "page": "Side",
        "of": "av",
        "schema": "Skjema",
        "basis": "Datagrunnlag",
        "rows": "Vedlegg: rader",
        "read": "Rader lest fra kilden",
        "written": "Rader i rapporten",
        "quarantined": "Rader holdt tilbake på grunn av feil i dataene",
        "duplicate": "Dubletter, talt én gang",
        "filtered": "Rader utenfor rapportens utvalg",
        "period": "Periode",
        "chosen": "Utvalg: {name}",
        "all": "Alle",
        "part": "Tabellen viser de første {shown} av {all} rader. Alle radene ligger i filen {file} i samme pakke.",
        "sums": "Summene nederst gjelder alle radene.",
        "cut": "Lange tekster er kortet med …; hele teksten står i {file}.",
        "changed": "Tegn som dokumentets skrift ikke har, er vist som {sign}; hele teksten står i {file}.",
        "none": "Ingen rader i perioden.",
    },
    "en": {
        "page": "Page",
        "of": "of",
        "schema": "Schema",
        "basis": "Basis of the data",
        "rows": "Annex: rows",
        "read": "Rows read from the source",
        "written": "Rows in this report",
        "quarantined": "Rows held back because of faults in the data",
        "duplicate": "Duplicates, counted once",
        "filtered": "Rows outside of the report's selection",
        "period": "Period",
        "chosen": "Selection: {name}",
        "all": "All",
        "part": "The table shows the first {shown} of {all} rows. All rows are in the file {file} in the same package.",
        "sums": "The sums at the bottom are of all rows.",
        "cut": "Long texts are cut with …; the full text is in {file}.",
        "changed": "Characters that the document's fonts lack are shown as {sign}; the full text is in {file}.",
        "none": "No rows in the period.",
    },
}


def write(report: Report) -> list[ReportFile]:
    """Write the table as pdf, and as csv too where the pdf shows only its beginning or not every text whole."""
    name = report.stem + ".pdf"
    summary = summarise(report, breakdown_words(report.profile), looked=lambda: report.progress(0))
    is_changed = any(not is_settable(cell) for row in summary.rows for cell in row)
    is_part = report.result.written > len(summary.rows)
    files = [csv.write(report)] if is_part or is_changed or _is_cut(summary) else []
    scratch, reached = report.folder / ".typst", report.result.written if files else 0
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        said = settable(document(report, summary, annex=files[0].name if files else "", is_changed=is_changed))
        (scratch / "data.json").write_text(json.dumps(said, ensure_ascii=False), "utf-8")
        (scratch / TEMPLATE).write_bytes(resources.files(__package__ or "").joinpath(TEMPLATE).read_bytes())
        typeset(scratch, report.facts.period_to, lambda: report.progress(reached))
        (scratch / "report.pdf").replace(report.folder / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report.progress(report.result.written)
    return [ReportFile(name, report.folder / name, MEDIA_TYPE), *files]


def breakdown_words(profile: Profile) -> Words:
    """Return the words of the profile's language that stand in breakdowns."""
    return _BREAKDOWN_WORDS[profile.language]


def typeset(folder: Path, dated: datetime.date, still_wanted: Callable[[], None]) -> None:
    """Make `report.pdf` of the template and `data.json` in `folder`; what `still_wanted` raises ends it."""
    epoch = int(datetime.datetime.combine(dated, datetime.time(), datetime.UTC).timestamp())
    command = [sys.executable, "-I", str(_CHILD), str(folder), str(epoch)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, env={}) as child:
        try:
            said = _wait(child, still_wanted)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        why = said.decode("utf-8", "replace").strip().rpartition("\n")[2][:300] or f"exit {child.returncode}"
        raise ExportError(f"The pdf could not be set ({why}); choose xlsx or csv meanwhile.")


def _wait(child: subprocess.Popen[bytes], still_wanted: Callable[[], None]) -> bytes:
    """Return what the child said when it ended; between looks the caller may say that nobody wants it any more."""
    left = WALL_SECONDS
    while left > 0:
        look = min(_LOOK_SECONDS, left)
        try:
            return child.communicate(timeout=look)[1]
        except subprocess.TimeoutExpired:
            left -= look
            still_wanted()
    raise ExportError(f"The pdf was not ready within {WALL_SECONDS} s; show fewer rows in it (pdf.rows).")


def document(report: Report, summary: Summary, *, annex: str, is_changed: bool) -> dict[str, Any]:
    """Return everything the pdf says, as plain JSON values for the template."""
    profile, result, facts = report.profile, report.result, report.facts
    words = _WORDS[profile.language]
    note = _note(profile, summary, result, annex=annex, is_changed=is_changed)
    return {
        "lang": profile.language,
        "region": "NO" if profile.language == "nb" else "GB",
        "title": profile.title,
        "subtitle": profile.pdf.subtitle,
        "description": profile.description,
        "organisation": facts.organisation,
        "running": _short(f"{facts.organisation}  ·  {profile.title}", MAX_RUNNING),
        "period": _period(profile, facts),
        "schema_version": profile.schema_version,
        "words": {key: words[key] for key in ("page", "of", "schema", "basis", "rows")},
        "figures": [{"label": label, "value": value} for label, value in summary.figures],
        "groups": [
            {"label": group.label, "header": group.header, "rows": group.rows, "total": group.total}
            for group in summary.breakdowns
            if group.rows
        ],
        "basis": _basis(profile, result, facts, words),
        "listing": _listing(profile, summary, result, note),
    }


def _period(profile: Profile, facts: ReportFacts) -> str:
    form = "%d.%m.%Y" if profile.language == "nb" else "%Y-%m-%d"
    return f"{facts.period_from.strftime(form)} – {facts.period_to.strftime(form)}"


def _basis(profile: Profile, result: MappingResult, facts: ReportFacts, words: Mapping[str, str]) -> list[list[str]]:
    rows = [[words["period"], _period(profile, facts)]]
    for name, parameter in profile.parameters.items():
        given = facts.parameters.get(name)
        text = ", ".join(map(str, given)) if isinstance(given, list) else "" if given is None else str(given)
        rows.append([words["chosen"].format(name=parameter.label), text or words["all"]])
    counts = {
        "read": result.read,
        "written": result.written,
        "duplicate": result.duplicate,
        "quarantined": result.quarantined,
        **({"filtered": result.filtered} if profile.filter else {}),
    }
    rows += [[words[key], _whole(profile, count)] for key, count in counts.items()]
    return rows if result.written else [*rows, [words["none"], ""]]


def _note(profile: Profile, summary: Summary, result: MappingResult, *, annex: str, is_changed: bool) -> str:
    """Return what the reader must know of the rows shown: where more are, that characters are missing."""
    words, notes = _WORDS[profile.language], list[str]()
    if result.written > len(summary.rows):
        shown, every = _whole(profile, len(summary.rows)), _whole(profile, result.written)
        notes.append(words["part"].format(shown=shown, all=every, file=annex))
        if profile.totals and set(profile.totals.columns) & set(profile.pdf.columns):
            notes.append(words["sums"])
    if _is_cut(summary):
        notes.append(words["cut"].format(file=annex))
    if is_changed:
        notes.append(words["changed"].format(sign=REPLACEMENT, file=annex))
    return " ".join(notes)


def _listing(profile: Profile, summary: Summary, result: MappingResult, note: str) -> dict[str, Any]:
    columns = [profile.column(name) for name in profile.pdf.columns]
    lengths = [
        pl.Series([row[index] for row in summary.rows], dtype=pl.String).str.len_chars().quantile(0.9) or 1
        for index in range(len(columns))
    ]
    shown = [_total(profile, column, result) for column in columns]
    return {
        "is_wide": len(columns) >= WIDE_FROM,
        "note": note,
        "columns": [
            {
                "name": column.name,
                "kind": "number" if column.type in {"integer", "decimal"} else "text",
                # Numbers and dates take what they need; texts share the rest by how long they mostly are.
                "weight": min(40, max(6, int(length))) if column.type == "string" else 0,
            }
            for column, length in zip(columns, lengths, strict=True)
        ],
        "rows": [[_short(cell, _room(len(columns))) for cell in row] for row in summary.rows],
        "total": shown if any(shown) else [],
    }


def _total(profile: Profile, column: Column, result: MappingResult) -> str:
    if profile.totals is not None and column.name == profile.totals.label_column:
        return profile.totals.label
    total = result.totals.get(column.name)
    pattern = full(pattern_of(profile, column.name))
    return "" if total is None else number_text(total, pattern, mark=mark_of(profile), is_grouped=True)


def _room(columns: int) -> int:
    return MAX_CELL if columns < WIDE_FROM else MAX_NARROW_CELL


def _is_cut(summary: Summary) -> bool:
    return any(len(cell) > _room(len(row)) for row in summary.rows for cell in row)


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _whole(profile: Profile, number: int) -> str:
    return number_text(str(number), WHOLE, mark=mark_of(profile), is_grouped=True)
