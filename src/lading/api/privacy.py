"""Words that ledger lines commit to, over HTTP: read by auditors, erased by admins; the ledger stays as it is."""

from __future__ import annotations

import base64
from typing import Annotated, Final

from fastapi import Depends, Query
from starlette.responses import Response

from lading import ids
from lading.api import answers, documents, grounds
from lading.api.auth import ADMINS, AUDITORS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput
from lading.exports import words as export_words
from lading.jobs import words as job_words
from lading.ledger import commitments, erasure, store
from lading.ledger.entry import is_subject
from lading.limits import words as limit_words
from lading.schedules import words as schedule_words
from lading.tenants import words as tenant_words
from lading.wire import privacy as wire

router: Final = new_router("privacy")
_FURTHEST: Final = (1 << 53) - 1
_LONGEST: Final = 200
_PLACES: Final = (
    export_words.FORGET, schedule_words.FORGET, job_words.FORGET, limit_words.FORGET, tenant_words.FORGET,
)  # fmt: skip
_Services = Annotated[Services, Depends(services_of)]


@router.get("/api/v1/privacy/openings", name="listOpenings", response_model=wire.OpeningPage)
async def openings(
    caller: Annotated[Caller, Depends(gate(AUDITORS))],
    services: _Services,
    first: Annotated[int, Query(ge=0, le=_FURTHEST, description="Index of the first entry.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many entries are looked through.")] = 1000,
    subject: Annotated[str | None, Query(max_length=_LONGEST, description="Entries about this alone.")] = None,
) -> Response:
    """Return the words that entries commit to, as far as they were not erased, in the order of the entries."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.entries(tx, first=first, limit=limit, subject=subject)
        opened = await commitments.openings(tx, ((each.index, each.line) for each in found))
    items = [
        wire.Opening(each.index, each.subject, each.path, base64.b64encode(each.salt).decode(), each.value)
        for each in opened
    ]
    return answers.shown(wire.OpeningPage(items, found[-1].index + 1 if len(found) == limit else None))


@router.post(
    "/api/v1/privacy/erasures",
    name="eraseOpenings",
    response_model=wire.Erasure,
    responses=documents.problems(400, 404),
)
async def erase(
    body: wire.ErasureRequest, caller: Annotated[Caller, Depends(gate(ADMINS))], services: _Services
) -> Response:
    """
    Erase words that entries commit to, for good: of a subject, of and by a person, or of one entry.

    The entries, their proofs and bundles made before stay valid.  Things that show such words, a pause its reason, show
    `(erased)` from then on.
    """
    given = grounds.admit(body.reason, body.ticket)
    about = _about(body)
    actor = caller.principal.actor
    async with services.database.tenant(caller.tenant.id) as tx:
        if about is None:
            assert body.entry is not None
            erased = await erasure.erase_entry(
                tx, body.entry, places=_PLACES, actor=actor, reason=given.reason, ticket=given.ticket
            )
        else:
            erased = await erasure.erase_about(
                tx, about, places=_PLACES, actor=actor, reason=given.reason, ticket=given.ticket
            )
    return answers.shown(wire.Erasure(erased.openings, erased.copies))


def _about(body: wire.ErasureRequest) -> str | None:
    """Return the outer id that the words are about, None when an entry is named."""
    named = [name for name in ("subject", "member", "entry") if getattr(body, name) is not None]
    if len(named) != 1:
        raise InvalidInput.field("subject", "give exactly one of `subject`, `member` and `entry`.")
    if body.entry is not None:
        if not 0 <= body.entry <= _FURTHEST:
            raise InvalidInput.field("entry", "is the index of an entry, from 0 on.")
        return None
    if body.member is not None:
        return ids.show(ids.MEMBER, ids.parse(ids.MEMBER, body.member))
    if body.subject is None or not is_subject(body.subject):
        raise InvalidInput.field("subject", "is no subject of the ledger; write `exp_…` or `profile:name`.")
    return body.subject
