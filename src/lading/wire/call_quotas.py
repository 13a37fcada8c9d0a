"""JSON shapes of call quotas in API v1: how many calls and exports a tenant may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from lading.wire.exports import STRICT


@dataclass(frozen=True, slots=True)
class CallQuotaRequest:
    """
    Body of `PUT /api/v1/call-quotas/{name}`, where the name is `export-calls` or `exports`.

    Null is no limit.  An hour and a day begin on the clock, in UTC; `max_waiting` is for exports, which may be pending.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    max_per_hour: int | None = None
    max_per_day: int | None = None
    max_waiting: int | None = None
    reason: str = ""
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class CallQuota:
    """What was set, and what is used of it in this hour, in this day and now; what has no limit is not counted."""

    name: str
    max_per_hour: int | None
    max_per_day: int | None
    max_waiting: int | None
    used_this_hour: int
    used_today: int
    waiting: int
    version: int
    reason: str | None
    ticket: str | None


@dataclass(frozen=True, slots=True)
class CallQuotaList:
    """The call quotas of a tenant, by name."""

    items: list[CallQuota]
