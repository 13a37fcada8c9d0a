"""
Bad rows: found by checks, written to a quarantine list, counted and never silently dropped.

The list is JSON lines in canonical form: up to 1,000 entries `{"errors":[{"code","column","message"}],"key","row"}` and
always a last line `{"summary":{…}}`.  It names columns and the source's key, never a value of any other column.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Final

import polars as pl

from lading import canonical
from lading.errors import TooManyBadRows
from lading.exports.claims import Check
from lading.exports.profile import Profile

MAX_LISTED: Final = 1000
MESSAGES: Final = {
    "required_column_missing": 'Column "{column}" is required and has no value.',
    "empty_required_string": 'Column "{column}" is required and is empty.',
    "type_mismatch": 'Column "{column}" holds what cannot be read as its type.',
    "value_out_of_range": 'Column "{column}" is outside its allowed range.',
    "unknown_value": 'Column "{column}" holds a value that its list does not know.',
    "text_too_long": 'Column "{column}" is longer than allowed.',
    "pattern_mismatch": 'Column "{column}" does not have the required form.',
    "expression_failed": 'The expression about "{column}" cannot be computed from this row.',
}
_RULE: Final = 'The rule about "{column}" does not hold.'


class Quarantine:
    """The list of bad rows of one run; a file appears only if there is one."""

    def __init__(self, path: Path, checks: Sequence[Check], profile: Profile) -> None:
        self._path = path
        self._profile = profile
        self._checks = checks
        self._file: IO[bytes] | None = None
        self.count = 0
        self.counts: Counter[Check] = Counter()

    @property
    def codes(self) -> dict[str, int]:
        """Return how often each code was found; a row can have several."""
        codes: Counter[str] = Counter()
        for check, count in self.counts.items():
            codes[check.code] += count
        return dict(sorted(codes.items()))

    def sift(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the good rows of a mapped frame and list the bad ones; its column `row` numbers them."""
        if not self._checks:
            return frame
        flags = [pl.col(f"e:{index}") for index in range(len(self._checks))]
        is_bad = frame.select(pl.any_horizontal(flags).alias("bad"))["bad"]
        if not is_bad.any():
            return frame
        bad = frame.filter(is_bad)
        totals = bad.select(flag.sum() for flag in flags).row(0)
        self.counts.update({check: count for check, count in zip(self._checks, totals, strict=True) if count})
        if self.count < MAX_LISTED:
            self._list(bad.head(MAX_LISTED - self.count))
        self.count += bad.height
        return frame.filter(~is_bad)

    def close(self, read: int) -> None:
        """End the list; raise TooManyBadRows if more than the profile's share of the rows `read` is bad."""
        if self._file is not None:
            summary = {"codes": self.codes, "listed": min(self.count, MAX_LISTED), "quarantined": self.count}
            self._file.write(canonical.encode({"summary": summary}) + b"\n")
            self._file.close()
            self._file = None
        if self.count * 100 > self._profile.threshold_percent * read:
            by_count = sorted(self.counts.items(), key=lambda item: (-item[1], item[0].code, item[0].column))
            worst = ", ".join(f"{check.code} in {check.column} ({n})" for check, n in by_count[:3])
            raise TooManyBadRows(
                f"{self.count} of {read} rows are bad, more than the {self._profile.threshold_percent} % that profile "
                f"{self._profile.name} allows; most often: {worst}. Mend the rows in the source, or the profile."
            )

    def end(self) -> None:
        """End the list without a summary: it is that of a part, and others judge the whole."""
        self.abandon()
        self._file = None

    def join(self, listed: Iterator[bytes], counts: Sequence[tuple[str, str, int]], *, bad: int, before: int) -> None:
        """Take over the list and the counts of a part of which `bad` rows are bad; `before` rows lie before it."""
        self.counts.update({Check(code, column): count for code, column, count in counts})
        for line in islice(listed, max(0, MAX_LISTED - self.count)):
            entry = json.loads(line)
            self._write({**entry, "row": entry["row"] + before})
        self.count += bad

    def abandon(self) -> None:
        """Close the file, whatever is in it."""
        if self._file is not None:
            self._file.close()

    def _list(self, bad: pl.DataFrame) -> None:
        keys = [pl.col(f"s:{name}").cast(pl.String).alias(name) for name in self._profile.key]
        marks = bad.select(f"e:{index}" for index in range(len(self._checks))).iter_rows()
        for row, key, flags in zip(bad["row"], bad.select(keys).iter_rows(named=True), marks, strict=True):
            found = [check for check, is_set in zip(self._checks, flags, strict=True) if is_set]
            entry: dict[str, canonical.Json] = {
                "errors": [{"code": c.code, "column": c.column, "message": message(c)} for c in found],
                "key": key,
                "row": row,
            }
            self._write(entry)

    def _write(self, entry: dict[str, canonical.Json]) -> None:
        if self._file is None:
            self._file = self._path.open("wb")
        self._file.write(canonical.encode(entry) + b"\n")


def message(check: Check) -> str:
    """Return the sentence about a bad row: it names the column, never the value."""
    return MESSAGES.get(check.code, _RULE).format(column=check.column)
