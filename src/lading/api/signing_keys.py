"""The public keys of this installation over HTTP.  They are made, rotated and revoked on the machine that has them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import Depends
from starlette.responses import Response

from lading.api import documents
from lading.api.auth import ANYBODY, Caller, OwnGate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import NotFound
from lading.ledger.keys import KEYRING_FILE
from lading.ledger.trust import Trust

router: Final = new_router("ledger")
_ANYBODY: Final = OwnGate(ANYBODY)
_JSON: Final = "application/json"
_MISSING: Final = "This installation has no signing keys yet; they are made when the first worker starts."
_Services = Annotated[Services, Depends(services_of)]
_Anybody = Annotated[Caller, Depends(_ANYBODY)]


@router.get(
    "/api/v1/keys/trust",
    name="getTrust",
    response_class=Response,
    responses={200: {"content": {_JSON: {"schema": {"type": "object"}}}}, **documents.problems(404)},
)
async def trust(caller: _Anybody, services: _Services) -> Response:
    """
    Return the public keys of this installation; pin them from a second source before you trust them.

    A key that was revoked says up to which size of the caller's own ledger it is believed.
    """
    settings = services.settings
    if not await asyncio.to_thread(settings.trust_file.is_file):
        raise NotFound(_MISSING)
    found = await asyncio.to_thread(Trust.load, settings.trust_file)
    return Response(found.of_log(f"{settings.instance}/t/{caller.tenant.slug}").dump(), media_type=_JSON)


@router.get(
    "/api/v1/keys/keyring",
    name="getKeyring",
    dependencies=[Depends(_ANYBODY)],
    response_class=Response,
    responses={200: {"content": {_JSON: {"schema": {"type": "object"}}}}, **documents.problems(404)},
)
async def keyring(services: _Services) -> Response:
    """Return what became of the signing keys, as statements that each are signed by the key before."""
    try:
        found = await asyncio.to_thread((services.settings.keys_dir / KEYRING_FILE).read_bytes)
    except OSError:
        raise NotFound(_MISSING) from None
    return Response(found, media_type=_JSON)
