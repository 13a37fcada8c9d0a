"""What every format needs to know of a report beside its rows, and what it gives back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lading.wire.exports import Notice


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Whose report it is, for when and of what selection; both ends of the period are included."""

    organisation: str
    period_from: datetime.date
    period_to: datetime.date
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of a report; `notices` say what the format could not carry over unchanged."""

    name: str
    path: Path
    media_type: str
    notices: tuple[Notice, ...] = ()
