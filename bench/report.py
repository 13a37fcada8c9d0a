"""The table: a row for each engine, a column for each figure; medians, what they lay between, and Lading's ratio."""

from __future__ import annotations

from statistics import median

from suites import Result

_OURS = "lading"


def show(results: list[Result], engines: list[str]) -> None:
    """Print a table for each suite, of what was measured."""
    for suite in dict.fromkeys(one.suite for one in results):
        mine = [one for one in results if one.suite == suite]
        print(f"\n{suite}: medians (min–max); in brackets Lading's value ÷ theirs\n")
        whats = list(dict.fromkeys(one.what for one in mine))
        names = [name for name in engines if any(one.engine == name for one in mine)]
        if len(names) > 1:
            _print(["", *names], [[what, *(_cell(mine, name, what) for name in names)] for what in whats])
        else:
            _print(["", *names], [[what, _cell(mine, names[0], what)] for what in whats])


def _cell(results: list[Result], engine: str, what: str) -> str:
    found = [one for one in results if one.engine == engine and one.what == what]
    if not found:
        return "–"
    values, unit = [one.value for one in found], found[0].unit
    text = f"{_number(median(values))} {unit}".strip()
    if len(values) > 1:
        text += f" ({_number(min(values))}–{_number(max(values))})"
    ours = [one.value for one in results if one.engine == _OURS and one.what == what]
    if ours and engine != _OURS and median(values):
        text += f" [{median(ours) / median(values):.2f}×]"
    return text


def _number(value: float) -> str:
    """
    Return a number with three digits that count.

    >>> _number(12345.6), _number(12.345), _number(0.1234)
    ('12,300', '12.3', '0.123')
    """
    if abs(value) >= 100:
        digits = max(0, len(str(int(abs(value)))) - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def _print(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for number, row in enumerate([head, *rows]):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
