"""JSON shape of the health endpoints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process answers (`/livez`) or can do its work (`/readyz`)."""

    status: str
    version: str
