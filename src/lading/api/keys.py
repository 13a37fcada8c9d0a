"""
API keys over HTTP: made, listed, rotated and revoked by the admins of their tenant.

The secret of a key is in the answer that makes it and nowhere else.  Nobody hands out more than they have.  Keys are
written as the system, with the tenant named: the role that the rest of a tenant's requests run as can't make any.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents
from lading.api.auth import ADMINS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput
from lading.tenants import rules, store
from lading.tenants.model import Key, effective
from lading.wire import tenants as wire

router: Final = new_router("access")
_BASE: Final = "/api/v1/keys"
_ONE: Final = f"{_BASE}/{{key_id}}"
_MAX_PAGE: Final = 200
_LONGEST_REASON: Final = 500
_Services = Annotated[Services, Depends(services_of)]
_Admin = Annotated[Caller, Depends(gate(ADMINS))]
_Id = Annotated[str, Path(description="`key_…`.")]


@router.get(_BASE, name="listKeys", response_model=wire.KeyList)
async def list_keys(
    caller: _Admin,
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE, description="At most so many.")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the keys of a tenant, without their secrets, newest first; those that are over too."""
    before = cursors.parse(cursor, ids.KEY, [])
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.list_keys(tx, tx.tenant, before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.KEY, []) if len(found) > limit else None
    return answers.shown(wire.KeyList([_key(each) for each in found[:limit]], following))


@router.get(_ONE, name="getKey", response_model=wire.Key, responses=documents.problems(404))
async def get_key(key_id: _Id, caller: _Admin, services: _Services) -> Response:
    """Tell what a key may, until when, and when it was last used (to five minutes)."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await store.get_key(tx, tx.tenant, key_id=ids.parse(ids.KEY, key_id))
    return answers.shown(_key(found))


@router.post(_BASE, name="createKey", status_code=201, response_model=wire.MintedKey)
async def create_key(body: wire.KeyRequest, caller: _Admin, services: _Services) -> Response:
    """
    Add a key to a tenant; the answer is the only place where its token is ever shown.

    A key that ends makes none that outlives it.
    """
    role = rules.parse_role(body.role)
    scopes = rules.parse_scopes(body.scopes, role=role)
    rules.admit_grant(caller.principal.scopes, effective(role, scopes))
    expires_at = rules.admit_life(_instant(body.expires_at), of=caller.principal)
    async with services.database.system() as tx:
        minted = await store.mint_key(
            tx,
            caller.tenant.id,
            name=body.name,
            role=role,
            scopes=scopes,
            expires_at=expires_at,
            actor=caller.principal.actor,
        )
    return answers.shown(wire.MintedKey(_key(minted.key), minted.token), status=201)


@router.post(
    f"{_ONE}/rotate",
    name="rotateKey",
    status_code=201,
    response_model=wire.MintedKey,
    responses=documents.problems(404, 409),
)
async def rotate_key(
    key_id: _Id, caller: _Admin, services: _Services, body: wire.RotationRequest | None = None
) -> Response:
    """
    Make a key like another, which is good for a while longer; with an end, the new one lives as long as the old.

    By a key that ends it is made to end with it at the latest.
    """
    given, identifier = body or wire.RotationRequest(), ids.parse(ids.KEY, key_id)
    async with services.database.system() as tx:
        old = await store.get_key(tx, caller.tenant.id, key_id=identifier)
        rules.admit_grant(caller.principal.scopes, effective(old.role, old.scopes))
        minted = await store.rotate_key(
            tx,
            caller.tenant.id,
            key_id=identifier,
            overlap_seconds=given.overlap_seconds,
            actor=caller.principal.actor,
            until=rules.end_of(caller.principal),
        )
    return answers.shown(wire.MintedKey(_key(minted.key), minted.token), status=201)


@router.delete(_ONE, name="revokeKey", response_model=wire.Key, responses=documents.problems(404, 409))
async def revoke_key(
    key_id: _Id, caller: _Admin, services: _Services, body: wire.RevocationRequest | None = None
) -> Response:
    """Revoke a key from now on, but the last by which admins come in; doing it again changes nothing."""
    identifier = ids.parse(ids.KEY, key_id)
    reason = None if body is None or body.reason is None else body.reason.strip() or None
    if reason is not None and len(reason) > _LONGEST_REASON:
        raise InvalidInput.field("reason", f"is over {_LONGEST_REASON} characters; shorten it.")
    async with services.database.system() as tx:
        revoked = await store.revoke_key(
            tx, caller.tenant.id, key_id=identifier, actor=caller.principal.actor, reason=reason
        )
    return answers.shown(_key(revoked))


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise InvalidInput.field("expires_at", "give an instant such as 2027-01-31T12:00:00Z.") from None


def _key(key: Key) -> wire.Key:
    return wire.Key(
        id=ids.show(ids.KEY, key.id),
        name=key.name,
        role=key.role.value,
        scopes=sorted(effective(key.role, key.scopes)),
        created_at=clock.show(key.created_at),
        created_by=key.created_by,
        expires_at=clock.shown(key.expires_at),
        revoked_at=clock.shown(key.revoked_at),
        last_used_at=clock.shown(key.last_used_at),
        replaces=None if key.replaces is None else ids.show(ids.KEY, key.replaces),
    )
