"""
What is counted of written rows: how many, totals by column, and values that fell back.

Counts of parts join to the counts of the whole, whatever the parts: sums are exact, and of the values that fell back
those are named that come first in their order, so that which are named depends on the rows alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any, Final

import polars as pl

from lading.exports.profile import Profile

MAX_NAMED: Final = 49
# Only a word that looks like a code is named in a warning; free text might be about a person.
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WHOLE: Final = pl.Decimal(38, 0)
_EXACT: Final = Context(prec=80)


class Tally:
    """Counts of written rows; grows by `add` and `join`."""

    def __init__(self, profile: Profile) -> None:
        self._kinds = dict(profile.totals.columns) if profile.totals else {}
        self.rows = 0
        self.fell_back: dict[int, Counter[str]] = {
            index: Counter() for index, column in enumerate(profile.columns) if column.fallback is not None
        }
        self._sums = dict.fromkeys(self._kinds, Decimal(0))

    def add(self, frame: pl.DataFrame, table: pl.DataFrame) -> None:
        """Count rows: `frame` has the values that fell back, `table` the output columns by name."""
        self.rows += frame.height
        for index, counter in self.fell_back.items():
            values = frame[f"w:{index}"].drop_nulls()
            if len(values):
                _count(counter, {str(value): int(count) for value, count in values.value_counts().iter_rows()})
        for name, kind in self._kinds.items():
            self._sum(name, _total(table[name], kind))

    def join(self, told: Mapping[str, Any]) -> None:
        """Count the rows that another tally counted, as its `to_json` tells."""
        self.rows += told["rows"]
        for index, counts in told["fell_back"].items():
            _count(self.fell_back[int(index)], counts)
        for name, total in told["totals"].items():
            self._sum(name, Decimal(total))

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain JSON values."""
        fell_back = {str(index): dict(counts) for index, counts in self.fell_back.items()}
        return {"rows": self.rows, "fell_back": fell_back, "totals": self.totals()}

    def totals(self) -> dict[str, str]:
        """Return each total as exact text; nothing is a plain 0, however many decimals its column has."""
        return {name: format(total, "f") if total else "0" for name, total in self._sums.items()}

    def _sum(self, name: str, more: Decimal) -> None:
        self._sums[name] = _EXACT.add(self._sums[name], more)


def _total(values: pl.Series, kind: str) -> Decimal:
    if kind == "count":
        return Decimal(values.len() - values.null_count())
    if values.dtype.is_integer():
        return Decimal(int(values.cast(_WHOLE).sum() or 0))  # a sum of int64 may pass int64
    return Decimal(values.sum() or 0)


def _count(counter: Counter[str], counts: Mapping[str, int]) -> None:
    for value, count in counts.items():
        counter[value if _CODE.fullmatch(value) else ""] += count
    for name in sorted(name for name in counter if name)[MAX_NAMED:]:
        counter[""] += counter.pop(name)
