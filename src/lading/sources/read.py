"""
What a profile's `source.read` says: which files, in which form, which of their columns and rows.

The document was checked against the profile's schema before; here it becomes a value.  Pure and light: the API loads
this to check profiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Type: TypeAlias = Literal["string", "integer", "decimal", "date", "timestamp", "instant", "boolean"]
Format: TypeAlias = Literal["csv", "ndjson", "parquet", "xlsx"]

# `utf-8-sig` reads both: with and without the mark at the beginning.
ENCODINGS: Final = {
    "utf-8": "utf-8-sig", "utf-16": "utf-16", "iso-8859-1": "iso-8859-1", "windows-1252": "cp1252",
}  # fmt: skip
DATES: Final = {
    "YYYY-MM-DD": "%Y-%m-%d", "DD.MM.YYYY": "%d.%m.%Y", "DD/MM/YYYY": "%d/%m/%Y", "MM/DD/YYYY": "%m/%d/%Y",
    "YYYYMMDD": "%Y%m%d",
}  # fmt: skip
_TEXT_ONLY: Final = ("delimiter", "header", "encoding")
_WORDS_ONLY: Final = ("decimal", "dates", "nulls")


@dataclass(frozen=True, slots=True)
class Condition:
    """A claim about one column; `parameter` names where the value comes from, if it is not written in the profile."""

    source: str
    operator: str
    value: Any
    parameter: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """How files are read; without `columns` all there are, each as text where the form of the file knows no types."""

    files: str
    format: Format
    columns: Mapping[str, Type]
    delimiter: str
    has_header: bool
    encoding: str
    decimal: str
    dates: str
    nulls: frozenset[str]
    sheet: str | None
    filter: tuple[Condition, ...]


def parse(given: Mapping[str, Any]) -> Read:
    """Return the value of a checked document."""
    return Read(
        files=given["files"],
        format=given["format"],
        columns=given.get("columns", {}),
        delimiter=given.get("delimiter", ","),
        has_header=given.get("header", True),
        encoding=ENCODINGS[given.get("encoding", "utf-8")],
        decimal=given.get("decimal", "."),
        dates=DATES[given.get("dates", "YYYY-MM-DD")],
        nulls=frozenset(given.get("nulls", [""])),
        sheet=given.get("sheet"),
        filter=tuple(_condition(each) for each in given.get("filter", ())),
    )


def faults(given: Mapping[str, Any], parameters: frozenset[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what the schema can't say: the place below `read`, and the sentence."""
    pattern, form = given["files"], given["format"]
    if pattern.startswith("/") or "\0" in pattern or ".." in re.split(r"[/\\]", pattern) or "**" in pattern:
        yield ("files",), "must lie in the source's folder: no / at the beginning, no .. and no **"
    if form == "ndjson" and not given.get("columns"):
        yield ("columns",), "is required for ndjson, whose lines need not have the same"
    if not given.get("header", True) and not given.get("columns"):
        yield ("columns",), "is required where there is no header"
    for option in _TEXT_ONLY:
        if option in given and form != "csv":
            yield (option,), "belongs to csv"
    for option in _WORDS_ONLY:
        if option in given and form in {"parquet", "ndjson"}:
            yield (option,), "belongs to csv and xlsx"
    if "sheet" in given and form != "xlsx":
        yield ("sheet",), "belongs to xlsx"
    if given.get("decimal") == "," and given.get("delimiter", ",") == ",":
        yield ("decimal",), "is the delimiter as well; give another delimiter"
    for index, each in enumerate(given.get("filter", ())):
        condition = _condition(each)
        if condition.parameter is not None and condition.parameter not in parameters:
            yield ("filter", index), f"`{condition.parameter}` is no parameter; known: {', '.join(sorted(parameters))}"
        if given.get("columns") and condition.source not in given["columns"]:
            yield ("filter", index, "from"), f"`{condition.source}` is not among `columns`"


def _condition(given: Mapping[str, Any]) -> Condition:
    ((operator, value),) = ((key, value) for key, value in given.items() if key != "from")
    if isinstance(value, Mapping):
        return Condition(given["from"], operator, None, value["parameter"])
    return Condition(given["from"], operator, value, None)
