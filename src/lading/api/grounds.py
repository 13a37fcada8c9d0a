"""
Why an operator does something: nothing is stopped, ended or put first without a reason.

The words are kept with the thing; the ledger keeps that there were words, and the ticket.
"""

from __future__ import annotations

from typing import Final

from lading.errors import InvalidInput, ReasonRequired
from lading.ledger.entry import is_ticket
from lading.wire.jobs import Grounds

_LONGEST: Final = 500


def admit(reason: str, ticket: str | None) -> Grounds:
    """Return the grounds, trimmed; ReasonRequired without a reason, InvalidInput for a novel or a ticket with prose."""
    said = reason.strip()
    if not said:
        raise ReasonRequired.field("reason", "is required: say why, in a sentence.", code="required")
    if len(said) > _LONGEST:
        raise InvalidInput.field("reason", f"is over {_LONGEST} characters; shorten it.")
    if ticket is not None and not is_ticket(ticket):
        raise InvalidInput.field("ticket", "is no ticket number; use up to 60 of A-Z a-z 0-9 . _ # / -.")
    return Grounds(said, ticket)


def of(body: Grounds | None) -> Grounds:
    """Return the grounds of a body that holds nothing else, and may be left out by who gives none."""
    return admit("", None) if body is None else admit(body.reason, body.ticket)
