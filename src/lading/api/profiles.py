"""Profiles over HTTP: numbered revisions of an export definition, one of them active."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import Body, Depends, Path, Query
from starlette.responses import Response

from lading import clock
from lading.api import answers, documents, grounds
from lading.api.auth import ADMINS, READERS, REQUESTERS, Caller, gate
from lading.api.calling import require_call
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.db.transaction import Transaction
from lading.errors import Conflict, Forbidden, InvalidInput
from lading.exports import activations, findings, previews, profile_diff, registry, rules
from lading.exports import profile as profiles
from lading.ledger.entry import Entry
from lading.ledger.store import record
from lading.limits import store as limits
from lading.limits.model import Scope
from lading.sources import store as sources
from lading.tenants.model import Role
from lading.wire import profiles as wire
from lading.wire.exports import ExportRequest
from lading.wire.jobs import Grounds

router: Final = new_router("profiles")
_BASE: Final = "/api/v1/profiles"
_ONE: Final = f"{_BASE}/{{name}}"
_LARGEST: Final = (1 << 31) - 1
_READER: Final = gate(READERS)
_REQUESTER: Final = gate(REQUESTERS)
_ADMIN: Final = gate(ADMINS)
# Who writes the document of a preview sees rows as the source has them, as in a snapshot.
_UNMASKED: Final = frozenset({Role.OPERATOR, Role.ADMIN})
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


@router.post(
    f"{_ONE}/rollback",
    name="rollbackProfile",
    response_model=wire.Profile,
    responses=documents.problems(400, 404, 409),
)
async def rollback(
    name: _Name, caller: Annotated[Caller, Depends(_ADMIN)], services: _Services, body: Grounds | None = None
) -> Response:
    """Go back to the revision that was active before; once more goes back one further."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await registry.rollback(
            tx, name, actor=caller.principal.actor, reason=given.reason, ticket=given.ticket
        )
    return answers.shown(_profile(stands))


@router.get(
    f"{_ONE}/activations",
    name="listProfileActivations",
    response_model=wire.ActivationList,
    responses=documents.problems(404),
)
async def history(
    name: _Name,
    caller: Annotated[Caller, Depends(_READER)],
    services: _Services,
    limit: Annotated[int, Query(ge=1, le=activations.MOST, description="So many of the newest.")] = 100,
) -> Response:
    """List which revision was active when, and who made it so, newest first."""
    async with services.database.tenant(caller.tenant.id) as tx:
        await registry.history(tx, name)
        found = await activations.spans(tx, name, limit=limit)
    return answers.shown(wire.ActivationList([_activation(each) for each in found]))


@router.post(f"{_BASE}/validate", name="validateProfile", response_model=wire.Findings)
async def validate(
    body: wire.ValidateRequest, caller: Annotated[Caller, Depends(_READER)], services: _Services
) -> Response:
    """Name everything that is wrong with a document, by line and path; nothing is stored."""
    del caller, services
    if (body.document is None) == (body.text is None):
        raise InvalidInput.field("text", "or document: give exactly one of the two.")
    # Away from the loop: a document at its limits takes a moment.
    if body.text is not None:
        return answers.shown(await asyncio.to_thread(findings.of_text, body.text))
    return answers.shown(await asyncio.to_thread(findings.of_document, body.document or {}))


@router.post(f"{_ONE}/diff", name="diffProfile", response_model=wire.Diff, responses=documents.problems(404))
async def diff(
    name: _Name, body: wire.DiffRequest, caller: Annotated[Caller, Depends(_READER)], services: _Services
) -> Response:
    """Tell what changes between two revisions, or a revision and a document, and what that means for the receiver."""
    if body.document is not None and body.after is not None:
        raise InvalidInput.field("after", "goes without document: give one of the two.")
    async with services.database.tenant(caller.tenant.id) as tx:
        before = await registry.get(tx, name, body.before)
        if body.document is not None:
            profiles.parse(body.document)
            after, number = body.document, None
        else:
            number = body.after if body.after is not None else (await registry.history(tx, name))[0].revision
            after = (await registry.get(tx, name, number)).document
    found = profile_diff.changes(before.document, after)
    keeps = profile_diff.keeps_layout(found)
    return answers.shown(wire.Diff(name, before.revision, number, not found, keeps, found))


@router.post(
    f"{_ONE}/preview", name="previewProfile", response_model=wire.Preview, responses=documents.problems(404, 409)
)
async def preview(
    name: _Name, body: wire.PreviewRequest, caller: Annotated[Caller, Depends(_REQUESTER)], services: _Services
) -> Response:
    """Show what becomes of the first rows of the source, masks applied; nothing is stored."""
    if body.document is not None and caller.principal.role not in _UNMASKED:
        raise Forbidden(
            "A document that is not stored chooses its own query and masks; it takes the role operator or admin. "
            "Preview a stored revision instead."
        )
    if not 1 <= body.rows <= previews.MOST_ROWS:
        raise InvalidInput.field("rows", f"must be from 1 to {previews.MOST_ROWS}.")
    if body.document is not None and body.revision is not None:
        raise InvalidInput.field("revision", "goes without document: give one of the two.")
    async with services.database.tenant(caller.tenant.id) as tx:
        document, revision = body.document, 0
        if document is None:
            stored = await registry.get(tx, name, body.revision)
            document, revision = stored.document, stored.revision
        profile = profiles.parse(document)
        if profile.name != name:
            raise InvalidInput.field("document", "is of another profile than the path; write the same name in both.")
        request = ExportRequest(
            name, body.period, parameters=body.parameters, include_attachments=body.include_attachments
        )
        plan = rules.admit(request, profile, revision=revision, today=tx.now.date())
        source = await sources.get(tx, profile.source)
        await _require_open(tx, source.name)
        await require_call(tx, source)
    made = await services.previews.make(source, document, plan, settings=services.settings, rows=body.rows)
    shown = {"revision": revision, "rows": len(made.rows), "digest": profiles.digest(document).hex()}
    async with services.database.tenant(caller.tenant.id) as tx:
        # Rows of people were looked at: the organisation can tell by whom.
        await record(tx, Entry("profile.previewed", f"profile:{name}", caller.principal.actor, shown))
    return answers.shown(made)


async def _require_open(tx: Transaction, source: str) -> None:
    """Raise Conflict while an operator has stopped what calls `source`: a person is asked to keep away too."""
    stopped = {(Scope.TENANT, ""), (Scope.SOURCE, source)}
    for pause in await limits.pauses(tx, Scope.TENANT, Scope.SOURCE):
        if (pause.scope, pause.target) in stopped and pause.starts_at <= tx.now:
            raise Conflict(f"Source {source} is paused, so nobody reads it; `lading pauses` says why and until when.")


def _activation(each: activations.Activation) -> wire.Activation:
    return wire.Activation(
        revision=each.revision,
        is_rollback=each.is_rollback,
        activated_at=clock.show(each.activated_at),
        until=clock.shown(each.until),
        activated_by=each.activated_by,
        reason=each.reason,
        ticket=each.ticket,
    )


def _profile(found: registry.Revision) -> wire.Profile:
    return wire.Profile(found.name, found.revision, found.is_active, found.digest.hex(), dict(found.document))
