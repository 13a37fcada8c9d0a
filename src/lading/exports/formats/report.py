"""What every format needs to know of a report beside its rows, and what it gives back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from lading.exports import tables
from lading.exports.ahead import ahead
from lading.exports.mapping import MappingResult
from lading.exports.profile import Profile
from lading.wire.exports import Notice

# Rows that become text at once: enough to keep expressions busy, few enough to stay small.
SLICE_ROWS: Final = 4096
SLICE_BYTES: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Whose report it is, for when and of what selection; both ends of the period are included."""

    organisation: str
    period_from: datetime.date
    period_to: datetime.date
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Report:
    """
    A mapped table on its way into a format; files go into `folder`.

    `table` is an Arrow IPC file, or several with the rows one after the other, or frames that are still being made;
    then `outcome` waits for what is known of them when all have come.  `outlet` is given the text while it is written.
    """

    profile: Profile
    table: Path | Sequence[Path] | Iterable[pl.DataFrame]
    outcome: MappingResult | Callable[[], MappingResult]
    facts: ReportFacts
    folder: Path
    progress: Callable[[int], None]
    outlet: Callable[[bytes], None] | None = None

    @property
    def result(self) -> MappingResult:
        """Return what became of the rows; of rows that are still being made only once all have come."""
        return self.outcome if isinstance(self.outcome, MappingResult) else self.outcome()

    @property
    def stem(self) -> str:
        """Return the name of the report's files without the ending."""
        return self.profile.file_stem(self.facts.period_from, self.facts.period_to)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in order, batch by batch, timestamps in the profile's time zone."""
        if not isinstance(self.table, Path | Sequence):
            yield from self._frames()  # whoever makes them is ahead already
            return
        with closing(ahead(self._frames())) as frames:
            yield from frames

    def _frames(self) -> Iterator[pl.DataFrame]:
        local = [
            pl.col(column.name).dt.convert_time_zone(self.profile.timezone)
            for column in self.profile.columns
            if column.type == "timestamp"
        ]
        for each in [self.table] if isinstance(self.table, Path) else self.table:
            for frame in tables.frames(each) if isinstance(each, Path) else (each,):
                yield frame.with_columns(local)

    def slices(self) -> Iterator[pl.DataFrame]:
        """Yield the rows as `frames`, in small pieces."""
        for frame in self.frames():
            wide = int(frame.estimated_size()) // SLICE_BYTES
            yield from frame.iter_slices(max(1, min(SLICE_ROWS, frame.height // (wide + 1))))

    def pieces(self, *, rows: int, size: int) -> Iterator[pl.DataFrame]:
        """
        Yield the rows in pieces of `rows`, or fewer wide ones of about `size` bytes.

        Where a piece ends depends on the rows alone, not on the batches they came in.
        """
        texts = [pl.col(column.name) for column in self.profile.columns if column.type == "string"]
        widths = [text.str.len_bytes().fill_null(0).cast(pl.Int64) for text in texts]
        width = pl.sum_horizontal(pl.repeat(16 * len(self.profile.columns), pl.len(), dtype=pl.Int64), *widths)
        held: list[pl.DataFrame] = []
        count = used = 0
        for frame in self.frames():
            rest = frame
            while rest.height:
                ends = rest.select(width.cum_sum().alias("end"))["end"]
                # The row that fills a piece still belongs to it, so that none is empty.
                fits = min(int(ends.search_sorted(size - used)) + 1, rows - count, rest.height)
                held.append(rest.head(fits))
                count, used, rest = count + fits, used + int(ends[fits - 1]), rest.slice(fits)
                if count == rows or used >= size:
                    yield pl.concat(held)
                    held, count, used = [], 0, 0
        if held:
            yield pl.concat(held)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report; `notices` say what the format could not carry over unchanged."""

    name: str
    path: Path
    media_type: str
    notices: tuple[Notice, ...] = ()
    sha256: str | None = None
    """What was written, where it was hashed on its way."""
