"""Who may come in, through the API: tenants, their keys and members, and the identity providers they believe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final
from urllib.parse import quote

from lading.client.aio.session import Session
from lading.client.conditions import if_match
from lading.wire import tenants as shapes
from lading.wire.jobs import Grounds

_API: Final = "/api/v1"
_PAGE: Final = 200


class Tenants:
    """The tenants of the installation, for its admins; `me` is for everybody."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def me(self) -> shapes.Me:
        """Return who is asking, and what they may."""
        return await self._session.fetch(shapes.Me, "GET", f"{_API}/me")

    async def page(self, *, limit: int = _PAGE, cursor: str | None = None) -> shapes.TenantList:
        """Return one page, by slug."""
        query = {"limit": limit, "cursor": cursor}
        return await self._session.fetch(shapes.TenantList, "GET", f"{_API}/tenants", query=query)

    async def list(self) -> AsyncIterator[shapes.Tenant]:
        """Yield every tenant, by slug."""
        cursor: str | None = None
        while True:
            page = await self.page(cursor=cursor)
            for tenant in page.items:
                yield tenant
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def create(self, slug: str, *, name: str) -> shapes.Tenant:
        """Make a tenant."""
        body = asdict(shapes.TenantRequest(slug, name))
        return await self._session.fetch(shapes.Tenant, "POST", f"{_API}/tenants", body=body)

    async def get(self, slug: str) -> shapes.Tenant:
        """Return one tenant."""
        return await self._session.fetch(shapes.Tenant, "GET", _path("tenants", slug))

    async def rename(self, slug: str, name: str, *, version: int | None = None) -> shapes.Tenant:
        """Give a tenant another name, with `version` only to that one of it."""
        body = asdict(shapes.TenantChange(name))
        path = _path("tenants", slug)
        return await self._session.fetch(shapes.Tenant, "PUT", path, body=body, headers=if_match(version))

    async def suspend(self, slug: str, *, reason: str, ticket: str | None = None) -> shapes.Tenant:
        """Let nobody of a tenant in and start none of its jobs."""
        body = asdict(Grounds(reason, ticket))
        return await self._session.fetch(shapes.Tenant, "POST", _path("tenants", slug, "suspend"), body=body)

    async def reactivate(self, slug: str, *, reason: str, ticket: str | None = None) -> shapes.Tenant:
        """Let those of a suspended tenant in again."""
        body = asdict(Grounds(reason, ticket))
        return await self._session.fetch(shapes.Tenant, "POST", _path("tenants", slug, "reactivate"), body=body)


class Keys:
    """The API keys of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(self, *, limit: int = _PAGE, cursor: str | None = None) -> shapes.KeyList:
        """Return one page, newest first."""
        query = {"limit": limit, "cursor": cursor}
        return await self._session.fetch(shapes.KeyList, "GET", f"{_API}/keys", query=query)

    async def list(self) -> AsyncIterator[shapes.Key]:
        """Yield every key without its secret, newest first; those that are over too."""
        cursor: str | None = None
        while True:
            page = await self.page(cursor=cursor)
            for key in page.items:
                yield key
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def get(self, key_id: str) -> shapes.Key:
        """Return one key without its secret."""
        return await self._session.fetch(shapes.Key, "GET", _path("keys", key_id))

    async def create(
        self, *, name: str, role: str, scopes: Sequence[str] | None = None, expires_at: str | None = None
    ) -> shapes.MintedKey:
        """Mint a key, narrowed to `scopes` if they are given; its token is told this once."""
        request = shapes.KeyRequest(name, role, expires_at, None if scopes is None else [*scopes])
        return await self._session.fetch(shapes.MintedKey, "POST", f"{_API}/keys", body=asdict(request))

    async def rotate(self, key_id: str, *, overlap_seconds: int = 86_400) -> shapes.MintedKey:
        """Mint a key like another, which ends after the overlap; the new token is told this once."""
        body = asdict(shapes.RotationRequest(overlap_seconds))
        return await self._session.fetch(shapes.MintedKey, "POST", _path("keys", key_id, "rotate"), body=body)

    async def revoke(self, key_id: str, *, reason: str | None = None) -> shapes.Key:
        """Revoke a key from now on; doing it again changes nothing."""
        body = asdict(shapes.RevocationRequest(reason))
        return await self._session.fetch(shapes.Key, "DELETE", _path("keys", key_id), body=body)


class Members:
    """The people of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(self, *, removed: bool = False, limit: int = _PAGE, cursor: str | None = None) -> shapes.MemberList:
        """Return one page, newest first."""
        query = {"removed": "true" if removed else None, "limit": limit, "cursor": cursor}
        return await self._session.fetch(shapes.MemberList, "GET", f"{_API}/members", query=query)

    async def list(self, *, removed: bool = False) -> AsyncIterator[shapes.Member]:
        """Yield every member, newest first: those who were removed, or all others."""
        cursor: str | None = None
        while True:
            page = await self.page(removed=removed, cursor=cursor)
            for member in page.items:
                yield member
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def get(self, member_id: str) -> shapes.Member:
        """Return one member."""
        return await self._session.fetch(shapes.Member, "GET", _path("members", member_id))

    async def add(
        self,
        *,
        role: str,
        email: str | None = None,
        issuer: str | None = None,
        subject: str | None = None,
        name: str | None = None,
    ) -> shapes.Member:
        """Invite a person by e-mail, or name one by issuer and subject."""
        body = asdict(shapes.MemberRequest(role, email, issuer, subject, name))
        return await self._session.fetch(shapes.Member, "POST", f"{_API}/members", body=body)

    async def change(
        self, member_id: str, *, role: str, name: str | None = None, version: int | None = None
    ) -> shapes.Member:
        """Give a member a role and a name, with `version` only to that one of them."""
        body = asdict(shapes.MemberChange(role, name))
        path = _path("members", member_id)
        return await self._session.fetch(shapes.Member, "PUT", path, body=body, headers=if_match(version))

    async def remove(
        self, member_id: str, *, reason: str, ticket: str | None = None, version: int | None = None
    ) -> None:
        """Let a person in no more, from their next request on."""
        body = asdict(Grounds(reason, ticket))
        await self._session.call("DELETE", _path("members", member_id), body=body, headers=if_match(version))


class IdentityProviders:
    """The OpenID providers whose tokens one tenant believes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self) -> Sequence[shapes.Provider]:
        """Return every identity provider, by name."""
        return (await self._session.fetch(shapes.ProviderList, "GET", f"{_API}/identity-providers")).items

    async def get(self, name: str) -> shapes.Provider:
        """Return one identity provider."""
        return await self._session.fetch(shapes.Provider, "GET", _path("identity-providers", name))

    async def put(
        self,
        name: str,
        *,
        issuer: str,
        audience: str,
        require: Mapping[str, str] | None = None,
        roles: Sequence[shapes.RoleRule] = (),
        version: int | None = None,
    ) -> shapes.Provider:
        """Believe the tokens of a provider, or change what they give."""
        request = shapes.ProviderRequest(issuer, audience, dict(require or {}), [*roles])
        path = _path("identity-providers", name)
        return await self._session.put(shapes.Provider, path, asdict(request), version=version)

    async def delete(self, name: str, *, reason: str, ticket: str | None = None, version: int | None = None) -> None:
        """Believe a provider no more."""
        body = asdict(Grounds(reason, ticket))
        await self._session.call("DELETE", _path("identity-providers", name), body=body, headers=if_match(version))


def _path(*parts: str) -> str:
    return "/".join((_API, *(quote(part, safe="") for part in parts)))
