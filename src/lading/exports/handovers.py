"""
What becomes of a package beyond its publishing: which destinations it goes to, and which public keys encrypt it.

What is asked for is settled when the export is: a profile or destination that changes later changes nothing for it;
a destination that wants further keys by then is not given the package.
Takes `tx`, never commits.
"""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import InvalidInput
from lading.exports import destinations, registry
from lading.exports.model import Handover, Plan
from lading.exports.recipients import check_recipients
from lading.wire.exports import ExportRequest

_SQL: Final = Statements("lading.exports")
_MOST_DESTINATIONS: Final = 10
_NOTHING: Final = Handover()


async def admit(tx: Transaction, request: ExportRequest, plan: Plan) -> Handover:
    """
    Return where the package goes and who can read it; InvalidInput names what can't be.

    Destinations that a request names replace those of the profile.  Recipients add up: nobody can leave out those of
    the profile, or of a destination.  A snapshot of what a profile reads has its recipients, not its destinations.
    """
    given: dict[str, Any] = {}
    if plan.revision:
        given = dict((await registry.get(tx, plan.profile, plan.revision)).document)
    wanted = request.destinations if request.destinations is not None else _texts(given, "destinations")
    if len(wanted) > _MOST_DESTINATIONS:
        raise InvalidInput.field("destinations", f"are more than {_MOST_DESTINATIONS}; name fewer.")
    if len(set(wanted)) != len(wanted):
        raise InvalidInput.field("destinations", "names one of them twice; name it once.")
    places = await destinations.named(tx, wanted) if wanted else ()
    recipients = check_recipients("encrypt_to", request.encrypt_to or ())
    recipients += _texts(given, "encrypt_to")
    if "profile" in plan.selector:
        read = await registry.get(tx, plan.selector["profile"], plan.selector["revision"])
        recipients += _texts(dict(read.document), "encrypt_to")
    recipients += [each for place in places for each in place.settings.encrypt_to]
    return Handover(tuple(wanted), tuple(dict.fromkeys(recipients)))


async def keep(tx: Transaction, export_id: UUID, handover: Handover) -> None:
    """Store what was settled with a new export."""
    if handover != _NOTHING:
        await tx.run(
            _SQL["hand_over"],
            tenant_id=tx.tenant,
            id=export_id,
            destinations=list(handover.destinations),
            encrypt_to=list(handover.encrypt_to),
        )


def told(handover: Handover) -> dict[str, Any]:
    """
    Return what tells two handovers apart, nothing of none.

    >>> told(Handover()), told(Handover(("archive",)))
    ({}, {'destinations': ['archive'], 'encrypt_to': []})
    """
    if handover == _NOTHING:
        return {}
    return {"destinations": list(handover.destinations), "encrypt_to": list(handover.encrypt_to)}


def _texts(document: dict[str, Any], name: str) -> list[str]:
    return list(cast("list[str]", document.get(name, [])))
