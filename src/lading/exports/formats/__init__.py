"""
The formats of a mapped table: csv, tsv, xlsx and pdf for people, json, ndjson, parquet and xml for programs.

`write` gives the report's files in a folder.  A format renders types by its own rules; the order of columns and rows
is the table's.  Same table, profile and facts give the same bytes: no wall clock, no host, no random name inside.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lading.exports.formats import csv, json, parquet, pdf, xlsx, xml
from lading.exports.formats.report import Report, ReportFacts, ReportFile
from lading.exports.mapping import MappingResult
from lading.exports.profile import Format, Profile

__all__ = ["ReportFacts", "ReportFile", "write"]


def write(  # noqa: PLR0917 - the stage hands over what it has
    form: Format,
    profile: Profile,
    table: Path,
    result: MappingResult,
    facts: ReportFacts,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> list[ReportFile]:
    """
    Write the report as `form` into `folder`, the main file first; a pdf that cannot show all rows adds a csv.

    `progress` is called with the rows written so far; what it raises ends the writing and leaves files to be removed.
    """
    report = Report(profile, table, result, facts, folder, progress)
    match form:
        case "csv":
            return [csv.write(report)]
        case "tsv":
            return [csv.write_tsv(report)]
        case "xlsx":
            return [xlsx.write(report)]
        case "json":
            return [json.write(report)]
        case "ndjson":
            return [json.write_lines(report)]
        case "parquet":
            return [parquet.write(report)]
        case "xml":
            return [xml.write(report)]
        case "pdf":
            return pdf.write(report)
