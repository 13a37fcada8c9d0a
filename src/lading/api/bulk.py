"""Many done one by one, each in transactions of its own: who is refused keeps nobody from being done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from lading.api.auth import Caller
from lading.api.services import Services
from lading.errors import Conflict, LadingError, NotFound, PolicyDenied, QueueFull
from lading.exports import policies
from lading.exports.policies import Refused

_T = TypeVar("_T")


async def each(
    services: Services, caller: Caller, chosen: Sequence[_T], do: Callable[[_T], Awaitable[object]]
) -> list[tuple[_T, LadingError]]:
    """Do each, return those that were refused and why; of a full queue the ledger is told once."""
    refused: list[tuple[_T, LadingError]] = []
    full: QueueFull | None = None
    for one in chosen:
        try:
            await do(one)
        except QueueFull as error:
            full = error
            refused.append((one, error))
        except PolicyDenied as error:
            if isinstance(error, Refused):
                await policies.note_refused(services.database, error)
            refused.append((one, error))
        except (Conflict, NotFound) as error:
            refused.append((one, error))
    if full is not None:
        await services.admission.note(caller.tenant.id, full, actor=caller.principal.actor)
    return refused
