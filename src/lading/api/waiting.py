"""Blocking reads that end: on a change, after their time, or when the server shuts down."""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from lading import ids
from lading.api.services import Services
from lading.errors import InvalidInput
from lading.wire.exports import Export

_LONGEST_REASON: Final = 500


async def change(services: Services, tenant_id: UUID, export: Export, *, version: int | None, seconds: float) -> Export:
    """Return the export once it differs from `version` (None: once it has ended), or as it is when time is up."""
    wait = services.exports.wait(
        tenant_id, ids.parse(ids.EXPORT, export.id), version=version, seconds=seconds, hearer=services.hearer
    )
    waiting, stopping = asyncio.ensure_future(wait), asyncio.ensure_future(services.stopping.wait())
    try:
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else export
    finally:
        waiting.cancel()
        stopping.cancel()


def reason(text: str) -> str:
    """Return the reason somebody gave, trimmed; InvalidInput when it is a novel."""
    if len(text) > _LONGEST_REASON:
        raise InvalidInput.field("reason", f"is over {_LONGEST_REASON} characters; shorten it.")
    return text.strip()
