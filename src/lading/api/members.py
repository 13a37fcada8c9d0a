"""
The people of a tenant and the identity providers they come by, over HTTP, for the tenant's admins.

A change holds from the next request of the person on.  Nobody hands out more than they have.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query
from starlette.responses import Response

from lading import clock, ids
from lading.api import answers, cursors, documents, grounds
from lading.api.auth import ADMINS, Caller, gate
from lading.api.routing import router as new_router
from lading.api.services import Services, services_of
from lading.tenants import members, providers, rules
from lading.tenants.model import RIGHTS, Member, Provider
from lading.wire import tenants as wire
from lading.wire.jobs import Grounds

router: Final = new_router("access")
_MEMBERS: Final = "/api/v1/members"
_MEMBER: Final = f"{_MEMBERS}/{{member_id}}"
_PROVIDERS: Final = "/api/v1/identity-providers"
_PROVIDER: Final = f"{_PROVIDERS}/{{name}}"
_MAX_PAGE: Final = 200
_ETAG: Final = {"headers": {"ETag": documents.header("Its version.", '"v3"')}}
_Services = Annotated[Services, Depends(services_of)]
_Admin = Annotated[Caller, Depends(gate(ADMINS))]
_Id = Annotated[str, Path(description="`mem_…`.")]
_Name = Annotated[str, Path(description="Name of the identity provider.")]


@router.get(_MEMBERS, name="listMembers", response_model=wire.MemberList)
async def list_members(
    *,
    caller: _Admin,
    services: _Services,
    removed: Annotated[bool, Query(description="Those who were removed, instead of all others.")] = False,
    limit: Annotated[int, Query(ge=1, le=_MAX_PAGE, description="At most so many.")] = 50,
    cursor: Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")] = None,
) -> Response:
    """List the people of a tenant, newest first: those who came and those who are invited."""
    before = cursors.parse(cursor, ids.MEMBER, [removed])
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await members.page(tx, removed=removed, before=before, limit=limit + 1)
    following = cursors.show(found[limit - 1].id, ids.MEMBER, [removed]) if len(found) > limit else None
    return answers.shown(wire.MemberList([_member(each) for each in found[:limit]], following))


@router.post(_MEMBERS, name="addMember", status_code=201, response_model=wire.Member, responses=documents.problems(409))
async def add_member(body: wire.MemberRequest, caller: _Admin, services: _Services) -> Response:
    """
    Invite a person by e-mail, or name one by issuer and subject.

    An invitation is taken by the first who comes with a token whose issuer vouches for that address
    (`email_verified`); no message is sent.
    """
    role = rules.parse_role(body.role)
    rules.admit_grant(caller.principal.scopes, RIGHTS[role])
    async with services.database.tenant(caller.tenant.id) as tx:
        added = await members.add(
            tx,
            issuer=body.issuer,
            subject=body.subject,
            email=body.email,
            name=body.name,
            role=role,
            actor=caller.principal.actor,
        )
    return _answer(added, status=201)


@router.get(_MEMBER, name="getMember", response_model=wire.Member, responses={200: _ETAG, **documents.problems(404)})
async def get_member(member_id: _Id, caller: _Admin, services: _Services) -> Response:
    """Tell who a member is and what they may."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await members.get(tx, ids.parse(ids.MEMBER, member_id))
    return _answer(found)


@router.put(
    _MEMBER,
    name="changeMember",
    response_model=wire.Member,
    responses={200: _ETAG, **documents.problems(404, 409, 412, 428)},
)
async def change_member(
    member_id: _Id, body: wire.MemberChange, caller: _Admin, services: _Services, version: documents.Change
) -> Response:
    """Give a member a role and a name; from then on no claim of the provider changes them."""
    role = rules.parse_role(body.role)
    rules.admit_grant(caller.principal.scopes, RIGHTS[role])
    async with services.database.tenant(caller.tenant.id) as tx:
        changed = await members.change(
            tx,
            ids.parse(ids.MEMBER, member_id),
            role=role,
            name=body.name,
            version=version,
            actor=caller.principal.actor,
        )
    return _answer(changed)


@router.delete(_MEMBER, name="removeMember", status_code=204, responses=documents.problems(400, 404, 409, 412, 428))
async def remove_member(
    *, member_id: _Id, caller: _Admin, services: _Services, body: Grounds | None = None, version: documents.Change
) -> Response:
    """Let a person in no more, from the next request on; e-mail and name are forgotten."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await members.remove(
            tx,
            ids.parse(ids.MEMBER, member_id),
            reason=given.reason,
            ticket=given.ticket,
            version=version,
            actor=caller.principal.actor,
        )
    return Response(status_code=204)


@router.get(_PROVIDERS, name="listIdentityProviders", response_model=wire.ProviderList)
async def list_providers(caller: _Admin, services: _Services) -> Response:
    """List the identity providers whose tokens a tenant believes."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await providers.every(tx)
    return answers.shown(wire.ProviderList([_provider(each) for each in found]))


@router.get(
    _PROVIDER,
    name="getIdentityProvider",
    response_model=wire.Provider,
    responses={200: _ETAG, **documents.problems(404)},
)
async def get_provider(name: _Name, caller: _Admin, services: _Services) -> Response:
    """Tell whose tokens are believed, and what their claims give."""
    async with services.database.tenant(caller.tenant.id) as tx:
        found = await providers.get(tx, name)
    return _told(found)


@router.put(
    _PROVIDER,
    name="putIdentityProvider",
    response_model=wire.Provider,
    responses={200: _ETAG, **documents.problems(404, 409, 412, 428)},
)
async def put_provider(
    name: _Name, body: wire.ProviderRequest, caller: _Admin, services: _Services, version: documents.Put
) -> Response:
    """Believe the tokens of an OpenID provider, or change what they give, for this tenant alone."""
    async with services.database.tenant(caller.tenant.id) as tx:
        stands = await providers.put(
            tx,
            name,
            issuer=body.issuer,
            audience=body.audience,
            require=body.require,
            roles=[(each.claim, each.value, each.role) for each in body.roles],
            version=version,
            principal=caller.principal,
        )
    return _told(stands)


@router.delete(
    _PROVIDER, name="deleteIdentityProvider", status_code=204, responses=documents.problems(400, 404, 409, 412, 428)
)
async def delete_provider(
    *, name: _Name, caller: _Admin, services: _Services, body: Grounds | None = None, version: documents.Change
) -> Response:
    """Believe a provider no more: its tokens let nobody in from the next request on; members stay as they are."""
    given = grounds.of(body)
    async with services.database.tenant(caller.tenant.id) as tx:
        await providers.delete(
            tx, name, reason=given.reason, ticket=given.ticket, version=version, actor=caller.principal.actor
        )
    return Response(status_code=204)


def _answer(member: Member, *, status: int = 200) -> Response:
    return answers.edited(_member(member), member.version, status=status)


def _told(provider: Provider) -> Response:
    return answers.edited(_provider(provider), provider.version)


def _member(member: Member) -> wire.Member:
    came = "invited" if member.joined_at is None else "active"
    return wire.Member(
        id=ids.show(ids.MEMBER, member.id),
        state="removed" if member.removed_at is not None else came,
        role=member.role.value,
        scopes=sorted(RIGHTS[member.role]),
        is_claimed=member.is_claimed,
        name=member.name,
        email=member.email,
        issuer=member.issuer,
        subject=member.subject,
        created_by=member.created_by,
        created_at=clock.show(member.created_at),
        joined_at=clock.shown(member.joined_at),
        last_seen_at=clock.shown(member.last_seen_at),
        removed_at=clock.shown(member.removed_at),
        version=member.version,
    )


def _provider(provider: Provider) -> wire.Provider:
    return wire.Provider(
        name=provider.name,
        issuer=provider.issuer,
        audience=provider.audience,
        require=dict(provider.require),
        roles=[wire.RoleRule(each.claim, each.value, each.role.value) for each in provider.roles],
        created_at=clock.show(provider.created_at),
        updated_at=clock.show(provider.updated_at),
        version=provider.version,
    )
