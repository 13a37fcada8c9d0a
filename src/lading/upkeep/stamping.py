"""Have heads of the instance's log stamped by a time-stamp authority, over guarded HTTP; off where none is named."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from lading.db.database import Database
from lading.errors import EnvironmentUnfit, TimeStampRefused
from lading.ledger import timestamps
from lading.settings import Settings
from lading.sources.asking import service

_CALL_SECONDS = 20.0


async def stamp(database: Database, settings: Settings) -> int:
    """Stamp the newest heads that lack it, and return how many; TimeStampRefused says what is wrong."""
    if not settings.timestamp_url:
        return 0
    async with database.ledger() as tx:
        lacking = await timestamps.unstamped(tx)
    if not lacking:
        return 0
    roots = await asyncio.to_thread(trusted, settings.timestamp_roots)
    for head in lacking:
        found = await asyncio.to_thread(
            timestamps.stamp, head.note.encode(), lambda question: _exchange(settings, question), roots
        )
        async with database.ledger() as tx:
            await timestamps.keep(tx, head.size, found)
    return len(lacking)


def trusted(place: str) -> Sequence[x509.Certificate]:
    """Return the certificates in a file; EnvironmentUnfit when there are none."""
    try:
        return x509.load_pem_x509_certificates(Path(place).read_bytes())
    except (OSError, ValueError) as error:
        raise EnvironmentUnfit(
            f"LADING_TIMESTAMP_ROOTS={place!r} is no file of certificates in PEM; name the roots of the authority."
        ) from error


def _exchange(settings: Settings, question: bytes) -> bytes:
    authority = service(
        "The time-stamp authority",
        settings.timestamp_url,
        "LADING_TIMESTAMP_URL",
        networks=settings.networks,
        refused=TimeStampRefused,
    )
    return authority.ask(
        question,
        headers=[("Content-Type", timestamps.MEDIA_TYPE), ("Accept", "application/timestamp-reply")],
        seconds=_CALL_SECONDS,
        most_bytes=timestamps.MOST_BYTES,
    )
