"""What every format needs to know of a report beside its rows, and what it gives back."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report; `notices` say what the format could not carry over unchanged."""

    name: str
    path: Path
    media_type: str
    notices: tuple[Notice, ...] = ()
