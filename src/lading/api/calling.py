"""What a person's look at a source that is called over HTTP has to keep: its rate limit, and where it may go."""

from __future__ import annotations

import math
from typing import Final

from lading.db.transaction import Transaction
from lading.errors import Conflict
from lading.limits import calls
from lading.settings import Settings
from lading.sources.model import Source
from lading.sources.outside import Outside

# A look at the others is one connection, and no call.
_CALLED: Final = frozenset({"http"})


async def require_call(tx: Transaction, source: Source) -> None:
    """Take a token for one call to `source`; Conflict says when there will be one."""
    seconds = await calls.take(tx, source.name) if source.kind in _CALLED else 0.0
    if seconds > 0:
        raise Conflict(
            f"Source {source.name} is called as often as its rate limit allows; try again in {math.ceil(seconds)} s."
        )


def glance(settings: Settings) -> Outside:
    """Return the surroundings of a look at one page."""
    return Outside(networks=settings.networks, is_glance=True)
