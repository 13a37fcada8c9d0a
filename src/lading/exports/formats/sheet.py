"""
Cells of a spreadsheet as columnar expressions: from typed columns to the XML of rows.

Texts are inline strings, which no program evaluates.  What a spreadsheet cannot hold exactly (integers and decimals
beyond 15 digits, days before March 1900 or after 9999) is written as text.  Controls are escaped as `_xHHHH_`, and
what looks like such an escape is escaped too, so every text reads back as it was.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import quoteattr

import polars as pl

from lading.exports.formats.text import column_text, joined, mark_of
from lading.exports.profile import Column, Profile

MAX_CHARS: Final = 32_767
MAX_DIGITS: Final = 15
ROW: Final = "\x1frow"  # no column can be called so
_FIRST_DAY: Final = datetime.date(1900, 3, 1)
_LAST_DAY: Final = datetime.date(9999, 12, 31)
_DAY_ZERO: Final = -25_569  # 1899-12-30, in days from 1970-01-01
_DAY_US: Final = 86_400_000_000
_CONTROLS: Final = [*range(0x09), 0x0B, 0x0C, *range(0x0D, 0x20), 0xFFFE, 0xFFFF]
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {chr(code): f"_x{code:04X}_" for code in _CONTROLS}
_LOOKS_ESCAPED: Final = r"_(x[0-9A-Fa-f]{4})"
_ASTRAL: Final = r"[\x{10000}-\x{10FFFF}]"
_OPEN: Final = ' t="inlineStr"><is><t xml:space="preserve">'
_CLOSE: Final = "</t></is></c>"


def letters(index: int) -> str:
    """
    Return the name of a column, counted from 0.

    >>> letters(0), letters(25), letters(26), letters(701), letters(702)
    ('A', 'Z', 'AA', 'ZZ', 'AAA')
    """
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


def row_xml(profile: Profile, styles: list[int], frame: pl.DataFrame, *, text_style: int) -> pl.Expr:
    """
    Return the expression that makes the XML of each row of `frame`, which has the row's number as text in `ROW`.

    What is known of the whole frame (no cell is empty, no text is too long, no number too large) is not asked for each
    cell again, which would cost most of the time.
    """
    seen = frame.select(
        expression.alias(f"{index}{about}")
        for index, column in enumerate(profile.columns)
        for about, expression in (("full", _is_full(column)), ("easy", _is_easy(column)))
    ).row(0, named=True)
    mark = mark_of(profile)
    cells = (
        _cell(
            column,
            _Place(letters(index), style, text_style),
            mark,
            is_full=bool(seen[f"{index}full"]),
            is_easy=bool(seen[f"{index}easy"]),
        )
        for index, (column, style) in enumerate(zip(profile.columns, styles, strict=True))
    )
    return joined(['<row r="', pl.col(ROW), '">', *(part for cell in cells for part in cell), "</row>"])


def _is_full(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    is_there = value.null_count() == 0
    return is_there & (value.str.len_bytes().min() > 0) if column.type == "string" else is_there


def _is_easy(column: Column) -> pl.Expr:
    """Return whether no text looks escaped or is too long, and a spreadsheet holds every number and day."""
    value = pl.col(column.name)
    match column.type:
        case "string":
            return ~value.str.contains("_x", literal=True).any() & (
                value.str.len_bytes().max().fill_null(0) <= MAX_CHARS
            )
        case "boolean":
            return pl.lit(value=True)
        case _:
            return _fits(column).all()


def _fits(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    match column.type:
        case "integer":
            return value.is_between(-(10**MAX_DIGITS) + 1, 10**MAX_DIGITS - 1)
        case "decimal":
            most = pl.lit(10 ** max(0, MAX_DIGITS - column.number_format.scale))
            return (value < most) & (value > -most)
        case "date":
            return value.is_between(_FIRST_DAY, _LAST_DAY)
        case "timestamp":
            return value.dt.date().is_between(_FIRST_DAY, _LAST_DAY)
        case "string" | "boolean":
            return pl.lit(value=False)


@dataclass(frozen=True, slots=True)
class _Place:
    letter: str
    style: int
    text_style: int

    def number(self, number: pl.Expr) -> list[str | pl.Expr]:
        return [f'<c r="{self.letter}', pl.col(ROW), f'" s="{self.style}"><v>', number, "</v></c>"]

    def text(self, text: pl.Expr) -> list[str | pl.Expr]:
        return [f'<c r="{self.letter}', pl.col(ROW), f'" s="{self.text_style}"{_OPEN}', text, _CLOSE]


def _cell(column: Column, place: _Place, mark: str, *, is_full: bool, is_easy: bool) -> list[str | pl.Expr]:
    if column.type in {"string", "boolean"}:
        parts = place.text(_text(column, is_easy=is_easy, is_full=is_full))
        return parts if is_full else [joined(parts).fill_null("")]
    number = place.number(_number(column))
    if is_easy and is_full:
        return number
    if is_easy:
        return [joined(number).fill_null("")]
    # As text they are digits and separators, which need no escape.
    written = joined(place.text(column_text(column, pl.col(column.name), mark=mark)))
    return [pl.when(_fits(column)).then(joined(number)).otherwise(written).fill_null("")]


def _text(column: Column, *, is_easy: bool, is_full: bool) -> pl.Expr:
    value = pl.col(column.name)
    if column.type == "boolean":
        yes, no = (pl.lit(_escaped_word(word)) for word in column.boolean_words)
        return pl.when(value).then(yes).when(~value).then(no)
    text = value.str.replace_many(_ESCAPES) if is_easy else escaped(shortened(value))
    return text if is_full else pl.when(value != "").then(text)


def _number(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    match column.type:
        case "date":
            return (value.to_physical() - _DAY_ZERO).cast(pl.String)
        case "timestamp":
            return (value.dt.replace_time_zone(None).to_physical() / _DAY_US - _DAY_ZERO).cast(pl.String)
        case _:
            return value.cast(pl.String)


def is_too_long(text: pl.Expr) -> pl.Expr:
    """Return where a text is longer than a cell holds, counted in UTF-16 units as spreadsheets do."""
    return (text.str.len_bytes() > MAX_CHARS) & (text.str.len_chars() + text.str.count_matches(_ASTRAL) > MAX_CHARS)


def shortened(text: pl.Expr) -> pl.Expr:
    """Return the text cut to what a cell holds, with an ellipsis where it was cut."""
    # Half as many characters are sure to fit when some of them count twice.
    room = pl.when(text.str.contains(_ASTRAL)).then(MAX_CHARS // 2 - 1).otherwise(MAX_CHARS - 1)
    return pl.when(is_too_long(text)).then(text.str.slice(0, room) + "…").otherwise(text)


def escaped(text: pl.Expr) -> pl.Expr:
    """Return the text as it stands in XML."""
    return text.str.replace_all(_LOOKS_ESCAPED, "_x005F_${1}").str.replace_many(_ESCAPES)


def plain_cell(letter: str, row: int, style: int, text: str) -> str:
    """Return one text cell, or an empty styled one."""
    place = f'<c r={quoteattr(letter + str(row))} s="{style}"'
    return place + _OPEN + _escaped_word(text) + _CLOSE if text else place + "/>"


def _escaped_word(text: str) -> str:
    return pl.select(escaped(pl.lit(text))).item()
