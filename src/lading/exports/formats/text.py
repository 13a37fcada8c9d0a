"""
Values as text, for csv and pdf: numbers, dates and booleans by the profile's patterns.

`column_text` works on whole columns, `number_text` on one exact number given as text (totals, key figures).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

import polars as pl

from lading.exports.patterns import NumberPattern
from lading.exports.profile import Column, Profile

WHOLE: Final = NumberPattern(0, 0, grouped=False)
_THOUSANDS: Final = {",": "\N{NO-BREAK SPACE}", ".": ","}
_MOST_DAYS: Final = 4096
TRUE_MINUS: Final = "\N{MINUS SIGN}"


def mark_of(profile: Profile) -> str:
    """Return the decimal separator of the profile's language."""
    return "," if profile.language == "nb" else "."


def column_text(column: Column, value: pl.Expr, *, mark: str) -> pl.Expr:
    """Return the column as text without digit grouping; `mark` is the decimal separator; null stays null."""
    match column.type:
        case "string":
            return value
        case "integer":
            return value.cast(pl.String)
        case "decimal":
            return _decimal(value, column.number_format, mark)
        case "date":
            return _days(value, column.date_format.strftime)
        case "timestamp":
            return value.dt.strftime(column.date_format.strftime)
        case "boolean":
            yes, no = column.boolean_words
            return pl.when(value).then(pl.lit(yes)).when(~value).then(pl.lit(no))


def _days(value: pl.Expr, form: str) -> pl.Expr:
    """Return days as text; each day that a batch may hold is formatted once, not once for each row."""

    def looked_up(days: pl.Series) -> pl.Series:
        numbers = days.to_physical()
        first, last = numbers.min(), numbers.max()
        if not isinstance(first, int) or not isinstance(last, int) or last - first > _MOST_DAYS:
            return days.dt.strftime(form)
        each = pl.int_range(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date).dt.strftime(form)
        return each.gather(numbers - first).alias(days.name)

    return value.map_batches(looked_up, return_dtype=pl.String, is_elementwise=True)


def _decimal(value: pl.Expr, pattern: NumberPattern, mark: str) -> pl.Expr:
    text = value.cast(pl.String)
    if pattern.shown < pattern.scale:
        # A pattern costs twice as much, and is only needed where some zeros stay.
        some = text.str.replace(f"0{{1,{pattern.scale - pattern.shown}}}$", "") if pattern.shown else None
        text = (text.str.strip_chars_end("0") if some is None else some).str.strip_chars_end(".")
    return text.str.replace(".", mark, literal=True) if mark != "." else text


def joined(parts: Iterable[str | pl.Expr]) -> pl.Expr:
    """Return the parts as one text; words beside each other become one."""
    found: list[pl.Expr] = []
    word = ""
    for part in parts:
        if isinstance(part, str):
            word += part
        else:
            found += [pl.lit(word), part] if word else [part]
            word = ""
    return pl.concat_str([*found, pl.lit(word)] if word else found)


def full(pattern: NumberPattern) -> NumberPattern:
    """Return the pattern that writes every digit it keeps, so that numbers in a column line up."""
    return NumberPattern(pattern.scale, pattern.scale, pattern.grouped)


def number_text(number: str, pattern: NumberPattern, *, mark: str, is_grouped: bool = False, minus: str = "-") -> str:
    """
    Return one number as text; grouped digits come with a true minus.

    >>> number_text("-1234567.50", NumberPattern(2, 0, grouped=False), mark=",")
    '-1234567,5'
    """
    places = Decimal(1).scaleb(-pattern.scale)
    whole, _, fraction = format(Decimal(number).quantize(places, ROUND_HALF_UP), "f").partition(".")
    kept = fraction[: pattern.shown] + fraction[pattern.shown :].rstrip("0")
    if is_grouped:
        whole = f"{int(whole):,}".replace(",", _THOUSANDS[mark]) if whole not in {"-0", "0"} else whole
    whole = whole.replace("-", TRUE_MINUS if is_grouped else minus)
    return whole + (mark + kept if kept else "")


def totals_row(profile: Profile, totals: Mapping[str, str], *, mark: str) -> list[str]:
    """Return the texts of the totals row, one for each column, or nothing if the profile has none."""
    if profile.totals is None:
        return []
    cells = {name: number_text(number, pattern_of(profile, name), mark=mark) for name, number in totals.items()}
    return [
        profile.totals.label if c.name == profile.totals.label_column else cells.get(c.name, "")
        for c in profile.columns
    ]


def pattern_of(profile: Profile, name: str) -> NumberPattern:
    """Return how the total under a column is written: as the column, or whole if it counts."""
    counts = profile.totals is not None and profile.totals.columns.get(name) == "count"
    return WHOLE if counts else profile.column(name).number_format
