"""
What a pdf says about a table: key figures, breakdowns and the first rows, from one pass in bounded memory.

Everything ends as text, ready to be set; numbers are exact.  A breakdown shows its largest groups and sums up the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from lading.exports.formats.report import Report
from lading.exports.formats.text import TRUE_MINUS, WHOLE, column_text, full, mark_of, number_text
from lading.exports.profile import Column, Figure, Group, Profile

MAX_GROUPS: Final = 40
_COMPACT_AT: Final = 32
_COUNT: Final = "\x1fcount"
_KEY: Final = "\x1fkey"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One table of groups: texts, the last row is the total."""

    label: str
    header: list[str]
    rows: list[list[str]]
    total: list[str]


@dataclass(frozen=True, slots=True)
class Summary:
    """The texts of a report: figures as (label, value), breakdowns, and the first rows of the listing."""

    figures: list[tuple[str, str]]
    breakdowns: list[Breakdown]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a language that stand in breakdowns."""

    count: str
    total: str
    rest: str
    nothing: str


def summarise(report: Report, words: Words, *, looked: Callable[[], None] = lambda: None) -> Summary:
    """Return the summary of the mapped table with the first rows; `looked` is called after each batch."""
    profile = report.profile
    style, rows, first = profile.pdf, profile.pdf.rows, list[list[str]]()
    figures = [_FigureSum(profile, figure) for figure in style.figures]
    groups = [_GroupSum(profile, group) for group in style.groups]
    mark = mark_of(profile)
    shown = [_listed(column, mark) for column in map(profile.column, style.columns)]
    for frame in report.frames():
        if len(first) < rows:
            cells = frame.head(rows - len(first)).select(
                text.fill_null("").alias(str(i)) for i, text in enumerate(shown)
            )
            first += [list(row) for row in cells.iter_rows()]
        for part in (*figures, *groups):
            part.add(frame)
        looked()
    return Summary(
        figures=[(figure.label, figure.text(mark)) for figure in figures],
        breakdowns=[group.breakdown(words, mark) for group in groups],
        rows=first,
    )


def _listed(column: Column, mark: str) -> pl.Expr:
    if column.type not in {"integer", "decimal"}:
        return column_text(column, pl.col(column.name), mark=mark)
    pattern = full(column.number_format)
    # One by one, as grouping has no expression; a pdf lists at most a thousand rows.
    return (
        pl.col(column.name)
        .cast(pl.String)
        .map_elements(
            lambda number: number_text(number, pattern, mark=mark, is_grouped=pattern.grouped, minus=TRUE_MINUS),
            return_dtype=pl.String,
        )
    )


class _FigureSum:
    def __init__(self, profile: Profile, figure: Figure) -> None:
        self.label = figure.label
        self._figure = figure
        self._pattern = (
            full(profile.column(figure.column).number_format) if figure.kind == "sum" and figure.column else WHOLE
        )
        self._number: Any = 0
        self._seen = pl.Series(dtype=pl.UInt64)

    def add(self, frame: pl.DataFrame) -> None:
        column = self._figure.column
        if column is None:
            self._number += frame.height
        elif self._figure.kind == "sum":
            self._number += frame[column].cast(pl.Decimal(38, self._pattern.scale)).sum() or 0
        else:
            # 64-bit marks instead of values: ten million distinct ones stay below 100 MB.
            marks = frame[column].drop_nulls().hash(1)
            self._seen = pl.concat([self._seen, marks]).unique()
            self._number = len(self._seen)

    def text(self, mark: str) -> str:
        return number_text(str(self._number), self._pattern, mark=mark, is_grouped=True)


class _GroupSum:
    def __init__(self, profile: Profile, group: Group) -> None:
        self._group = group
        column = profile.column(group.by)
        self._key = column_text(column, pl.col(group.by), mark=mark_of(profile)).alias(_KEY)
        self._patterns = [full(profile.column(name).number_format) for name in group.sums]
        sums = zip(group.sums, self._patterns, strict=True)
        self._sums = [
            pl.col(name).cast(pl.Decimal(38, p.scale)).sum().alias(str(i)) for i, (name, p) in enumerate(sums)
        ]
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        keyed = frame.select(self._key, *dict.fromkeys(self._group.sums))
        self._parts.append(keyed.group_by(_KEY).agg(pl.len().cast(pl.Int64).alias(_COUNT), *self._sums))
        if len(self._parts) >= _COMPACT_AT:
            self._parts = [self._merged()]

    def breakdown(self, words: Words, mark: str) -> Breakdown:
        header = [self._group.by, words.count, *self._group.sums]
        merged = self._merged().sort([_COUNT, _KEY], descending=[True, False], nulls_last=True) if self._parts else None
        found = [] if merged is None else [list(row) for row in merged.iter_rows()]
        shown, rest = (found, []) if len(found) <= MAX_GROUPS else (found[: MAX_GROUPS - 1], found[MAX_GROUPS - 1 :])
        rows = [[row[0] or words.nothing, *self._numbers(row[1:], mark)] for row in shown]
        if rest:
            rows.append([words.rest.format(count=len(rest)), *self._numbers(_added(rest), mark)])
        return Breakdown(self._group.label, header, rows, [words.total, *self._numbers(_added(found), mark)])

    def _merged(self) -> pl.DataFrame:
        sums = [pl.col(_COUNT).sum(), *(pl.col(str(index)).sum() for index in range(len(self._group.sums)))]
        return pl.concat(self._parts).group_by(_KEY).agg(sums)

    def _numbers(self, numbers: Sequence[Any], mark: str) -> list[str]:
        patterns = [WHOLE, *self._patterns]
        # An empty table has no sums, only a count of nothing.
        padded = [*numbers, *([0] * (len(patterns) - len(numbers)))]
        return [
            number_text(str(number or 0), pattern, mark=mark, is_grouped=True)
            for number, pattern in zip(padded, patterns, strict=True)
        ]


def _added(rows: list[list[Any]]) -> list[Any]:
    return [
        sum((Decimal(number or 0) for number in numbers), Decimal(0)) for numbers in list(zip(*rows, strict=True))[1:]
    ]
