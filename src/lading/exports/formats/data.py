"""
What the formats for programs (json, ndjson, xml, parquet) share: values as data, and what they say of the report.

Numbers have every digit of their column, days are ISO 8601, instants RFC 3339 with the offset of the profile's time
zone.  Column formats, words for booleans and formula guards are for people and stay out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from lading.exports.formats.report import Report
from lading.exports.profile import Column

_INSTANT: Final = "%Y-%m-%dT%H:%M:%S%.f"
_MINUTE_US: Final = 60_000_000


def data_text(column: Column, value: pl.Expr) -> pl.Expr:
    """Return the column as data; null stays null."""
    match column.type:
        case "string":
            return value
        case "integer" | "decimal":
            return value.cast(pl.String)
        case "date":
            return value.dt.strftime("%Y-%m-%d")
        case "timestamp":
            return _instant(value)
        case "boolean":
            return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))


def _instant(value: pl.Expr) -> pl.Expr:
    utc = value.dt.convert_time_zone("UTC")
    offset = value.dt.replace_time_zone(None).to_physical() - utc.dt.replace_time_zone(None).to_physical()
    # Before standard time a zone was minutes and seconds from UTC, which RFC 3339 cannot say.
    is_whole = offset % _MINUTE_US == 0
    return pl.when(is_whole).then(value.dt.strftime(_INSTANT + "%:z")).otherwise(utc.dt.strftime(_INSTANT + "Z"))


def full(frame: pl.DataFrame) -> frozenset[str]:
    """Return the columns in which every cell has a value, which spares asking each."""
    return frozenset(name for name, count in zip(frame.columns, frame.null_count().row(0), strict=True) if not count)


def description(report: Report) -> dict[str, Any]:
    """Return what a data file says of itself, beside rows and totals, as plain JSON values."""
    profile, facts = report.profile, report.facts
    return {
        "profile": profile.name,
        "type": profile.type,
        "schema_version": profile.schema_version,
        "title": profile.title,
        "organisation": facts.organisation,
        "period": {"from": facts.period_from.isoformat(), "to": facts.period_to.isoformat()},
        "parameters": {name: _plain(value) for name, value in facts.parameters.items()},
        "timezone": profile.timezone,
        "columns": [_column(column) for column in profile.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    scale = {"scale": column.number_format.scale} if column.type == "decimal" else {}
    return {"name": column.name, "type": column.type, **scale}


def _plain(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list | tuple) else _scalar(value)


def _scalar(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int) else str(value)


def totals(report: Report) -> Iterator[tuple[str, str, str]]:
    """Yield name of the column, sum or count, and the exact number, in the order of the columns."""
    kinds: Mapping[str, str] = report.profile.totals.columns if report.profile.totals else {}
    for column in report.profile.columns:
        if column.name in kinds:
            yield column.name, kinds[column.name], report.result.totals[column.name]


def totals_json(report: Report, *, is_text: bool) -> str:
    """Return the totals as JSON: null without any, else `{"label", "columns": {name: {"sum": number}}}`."""
    if report.profile.totals is None:
        return "null"
    cells = [
        f"{encoded(name)}:{{{encoded(kind)}:{encoded(number) if is_text else number}}}"
        for name, kind, number in totals(report)
    ]
    return f'{{"label":{encoded(report.profile.totals.label)},"columns":{{{",".join(cells)}}}}}'


def encoded(value: Any) -> str:
    """Return the value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
