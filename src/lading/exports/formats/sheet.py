"""
Cells of a spreadsheet as columnar expressions: from typed columns to the XML of rows.

Texts are inline strings, which no program evaluates.  What a spreadsheet cannot hold exactly (integers and decimals
beyond 15 digits, days before March 1900 or after 9999) is written as text.  Controls are escaped as `_xHHHH_`, and
what looks like such an escape is escaped too, so every text reads back as it was.
"""

from __future__ import annotations

import datetime
from typing import Final
from xml.sax.saxutils import quoteattr

import polars as pl

from lading.exports.formats.text import column_text, mark_of
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
_NEEDS_ESCAPE: Final = r"[&<>\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x"
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


def row_xml(profile: Profile, styles: list[int], *, text_style: int, plain: frozenset[str]) -> pl.Expr:
    """
    Return the expression that makes each row's XML; the frame has the row's number as text in `ROW`.

    `plain` are the text columns known to need no escape and no cut, which costs most of the time.
    """
    mark = mark_of(profile)
    cells = [
        _cell(
            column,
            letters(index),
            style,
            text_style=text_style,
            text=_text(column, mark, is_plain=column.name in plain),
        )
        for index, (column, style) in enumerate(zip(profile.columns, styles, strict=True))
    ]
    return pl.concat_str([pl.lit('<row r="'), pl.col(ROW), pl.lit('">'), *cells, pl.lit("</row>")])


def is_plain(text: pl.Expr) -> pl.Expr:
    """Return whether no text of a column needs an escape or a cut."""
    return ~text.str.contains(_NEEDS_ESCAPE).any() & (text.str.len_bytes().max().fill_null(0) <= MAX_CHARS)


def _text(column: Column, mark: str, *, is_plain: bool) -> pl.Expr:
    text = column_text(column, pl.col(column.name), mark=mark)
    # Numbers and dates as text are digits and separators; the two words of a boolean might be anything.
    is_safe = is_plain if column.type == "string" else column.type != "boolean"
    return pl.when(text != "").then(text if is_safe else escaped(shortened(text)))


def _cell(column: Column, letter: str, style: int, *, text_style: int, text: pl.Expr) -> pl.Expr:
    value, written = pl.col(column.name), _text_cell(letter, text_style, text)
    match column.type:
        case "string" | "boolean":
            found = written
        case "integer":
            fits = value.abs() < 10**MAX_DIGITS
            found = pl.when(fits).then(_number_cell(letter, style, value.cast(pl.String))).otherwise(written)
        case "decimal":
            fits = value.abs() < pl.lit(10 ** max(0, MAX_DIGITS - column.number_format.scale))
            found = pl.when(fits).then(_number_cell(letter, style, value.cast(pl.String))).otherwise(written)
        case "date":
            serial = (value.to_physical() - _DAY_ZERO).cast(pl.String)
            found = (
                pl.when(value.is_between(_FIRST_DAY, _LAST_DAY))
                .then(_number_cell(letter, style, serial))
                .otherwise(written)
            )
        case "timestamp":
            local = value.dt.replace_time_zone(None)
            serial = (local.to_physical() / _DAY_US - _DAY_ZERO).cast(pl.String)
            fits = local.dt.date().is_between(_FIRST_DAY, _LAST_DAY)
            found = pl.when(fits).then(_number_cell(letter, style, serial)).otherwise(written)
    return found.fill_null("")


def _number_cell(letter: str, style: int, number: pl.Expr) -> pl.Expr:
    return pl.concat_str(
        [pl.lit(f'<c r="{letter}'), pl.col(ROW), pl.lit(f'" s="{style}"><v>'), number, pl.lit("</v></c>")]
    )


def _text_cell(letter: str, style: int, text: pl.Expr) -> pl.Expr:
    return pl.concat_str(
        [pl.lit(f'<c r="{letter}'), pl.col(ROW), pl.lit(f'" s="{style}"{_OPEN}'), text, pl.lit(_CLOSE)]
    )


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
    return place + _OPEN + pl.select(escaped(pl.lit(text))).item() + _CLOSE if text else place + "/>"
