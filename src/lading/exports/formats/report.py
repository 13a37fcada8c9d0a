"""What every format needs to know of a report beside its rows, and what it gives back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from lading.exports import tables
from lading.exports.mapping import MappingResult
from lading.exports.profile import Profile
from lading.wire.exports import Notice


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Whose report it is, for when and of what selection; both ends of the period are included."""

    organisation: str
    period_from: datetime.date
    period_to: datetime.date
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Report:
    """A mapped table on its way into a format: `table` is an Arrow IPC file, files go into `folder`."""

    profile: Profile
    table: Path
    result: MappingResult
    facts: ReportFacts
    folder: Path
    progress: Callable[[int], None]

    @property
    def stem(self) -> str:
        """Return the name of the report's files without the ending."""
        return self.profile.file_stem(self.facts.period_from, self.facts.period_to)

    def frames(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in order, batch by batch, timestamps in the profile's time zone."""
        local = [
            pl.col(column.name).dt.convert_time_zone(self.profile.timezone)
            for column in self.profile.columns
            if column.type == "timestamp"
        ]
        for frame in tables.frames(self.table):
            yield frame.with_columns(local)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report; `notices` say what the format could not carry over unchanged."""

    name: str
    path: Path
    media_type: str
    notices: tuple[Notice, ...] = ()
