"""
Instants as text, and the only place that reads a clock for people.

Decisions never come here: due times and leases use the database's clock (`Transaction.now`).
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the time of this machine's clock, for what is made where there is no database, such as signing keys."""
    return datetime.now(UTC)


def show(instant: datetime) -> str:
    """
    Return RFC 3339 in UTC with microseconds, the one form in ledger, API and files.

    >>> show(datetime(2025, 1, 2, 3, 4, 5, 6, tzinfo=UTC))
    '2025-01-02T03:04:05.000006Z'
    """
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def shown(instant: datetime | None) -> str | None:
    """Return an instant as `show` does, None for none."""
    return None if instant is None else show(instant)


def parse(text: str) -> datetime:
    """Return the instant of an RFC 3339 text; ValueError if it is none."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(UTC)
