"""
The formats of a mapped table: csv, tsv, xlsx and pdf for people, json, ndjson, parquet and xml for programs.

`write` gives the report's files in a folder; of a format that `joins`, `write_rows` and `join` give the same file from
parts.  A format renders types by its own rules; the order of columns and rows is the table's.  Same table, profile and
facts give the same bytes: no wall clock, no host, no random name inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from lading.exports.formats import parquet, pdf, texts, xlsx
from lading.exports.formats.csv import CsvText
from lading.exports.formats.json import JsonText, LinesText
from lading.exports.formats.report import Report, ReportFacts, ReportFile
from lading.exports.formats.texts import Text
from lading.exports.formats.xml import XmlText
from lading.exports.mapping import MappingResult
from lading.exports.profile import Format, Profile

__all__ = ["Report", "ReportFacts", "ReportFile", "follows", "join", "joins", "write", "write_rows"]

_TEXTS: Final[Mapping[str, Callable[[Report], Text]]] = {
    "csv": CsvText,
    "tsv": lambda report: CsvText(report, is_tabbed=True),
    "json": JsonText,
    "ndjson": LinesText,
    "xml": XmlText,
}


def joins(form: Format) -> bool:
    """Return whether reports of this format can be joined from parts."""
    return form in _TEXTS


def follows(form: Format) -> bool:
    """Return whether reports of this format can be begun before all rows are there."""
    return joins(form) or form == "parquet"


def write(  # noqa: PLR0917 - the stage hands over what it has
    form: Format,
    profile: Profile,
    table: Path | Sequence[Path] | Iterable[pl.DataFrame],
    result: MappingResult | Callable[[], MappingResult],
    facts: ReportFacts,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
    outlet: Callable[[bytes], None] | None = None,
) -> list[ReportFile]:
    """
    Write the report as `form` into `folder`, the main file first; a pdf that cannot show all rows adds a csv.

    Of a format that `follows`, the rows may still be in the making, and `result` waits for what becomes of them;
    `outlet` is given what running text is written.  `progress` is called with the rows written so far; what it raises
    ends the writing and leaves files to be removed.
    """
    report = Report(profile, table, result, facts, folder, progress, outlet)
    match form:
        case "xlsx":
            return [xlsx.write(report)]
        case "parquet":
            return [parquet.write(report)]
        case "pdf":
            return pdf.write(report)
        case "csv" | "tsv" | "json" | "ndjson" | "xml":
            return [texts.write(report, _TEXTS[form](report))]


def write_rows(form: Format, report: Report, path: Path) -> int:
    """Write the text of a part's rows to `path`; return what `join` has to be told of changes, added up."""
    return texts.write_rows(report, _TEXTS[form](report), path)


def join(form: Format, report: Report, parts: Sequence[Path], *, changed: int) -> list[ReportFile]:
    """Write the report whose rows `write_rows` has written, in the order of `parts`."""
    return [texts.join(report, _TEXTS[form](report), parts, changed=changed)]
