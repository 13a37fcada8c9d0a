"""Profiles over HTTP: numbered revisions of an export definition, one of them active."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Body, Depends, Path, Query
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents
from lading.api.auth import ADMINS, READERS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.errors import InvalidInput
from lading.exports import registry
from lading.wire import profiles as wire

router: Final = new_router("profiles")
_BASE: Final = "/api/v1/profiles"
_ONE: Final = f"{_BASE}/{{name}}"
_LARGEST: Final = (1 << 31) - 1
_READER: Final = gate(READERS)
_ADMIN: Final = gate(ADMINS)
_Services = Annotated[Services, Depends(services_of)]
_Name = Annotated[str, Path(description="Name of the profile.")]


@router.get(_BASE, name="listProfiles", response_model=wire.ProfileList)
async def list_profiles(caller: Annotated[Caller, Depends(_READER)], services: _Services) -> Response:
    """List the profiles of a tenant."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await registry.profiles_of(tx)
    items = [wire.ProfileSummary(each.name, each.active_revision, each.latest_revision) for each in found]
    return answers.shown(wire.ProfileList(items))


@router.get(_ONE, name="getProfile", response_model=wire.Profile, responses=documents.problems(404))
async def get(
    name: _Name,
    caller: Annotated[Caller, Depends(_READER)],
    services: _Services,
    revision: Annotated[int | None, Query(ge=1, le=_LARGEST, description="None is the active one.")] = None,
) -> Response:
    """Return one revision of a profile with its document."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await registry.get(tx, name, revision)
    return answers.shown(_profile(found))


@router.put(_ONE, name="putProfile", response_model=wire.Profile)
async def put(
    name: _Name,
    body: Annotated[dict[str, Any], Body(description="The profile document.")],
    caller: Annotated[Caller, Depends(_ADMIN)],
    services: _Services,
    activate: Annotated[bool, Query(description="Make it the one that exports use.")] = False,  # noqa: FBT002 - a query
) -> Response:
    """Store a document as a revision; the same document again is the same revision."""
    if body.get("profile") != name:
        raise InvalidInput.field("profile", "is not the name in the path; write the same in both.")
    async with services.database.tenant(caller.tenant.id) as tx:
        stored = await registry.put(tx, body, actor=caller.principal.actor, activate=activate)
    return answers.shown(_profile(stored))


@router.get(
    f"{_ONE}/revisions",
    name="listProfileRevisions",
    response_model=wire.RevisionList,
    responses=documents.problems(404),
)
async def revisions(name: _Name, caller: Annotated[Caller, Depends(_READER)], services: _Services) -> Response:
    """List the revisions of a profile, newest first."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await registry.history(tx, name)
    return answers.shown(
        wire.RevisionList(
            [
                wire.Revision(
                    each.revision, each.is_active, each.digest.hex(), clock.show(each.created_at), each.created_by
                )
                for each in found
            ]
        )
    )


@router.post(f"{_ONE}/activate", name="activateProfile", response_model=wire.Profile, responses=documents.problems(404))
async def activate(
    name: _Name, body: wire.ActivateRequest, caller: Annotated[Caller, Depends(_ADMIN)], services: _Services
) -> Response:
    """Make a revision the one that exports use: forward, or back."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await registry.activate_revision(tx, name, body.revision, actor=caller.principal.actor)
    return answers.shown(_profile(stands))


def _profile(found: registry.Revision) -> wire.Profile:
    return wire.Profile(found.name, found.revision, found.is_active, found.digest.hex(), dict(found.document))
