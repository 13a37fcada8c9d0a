"""
Links: by one of them one file of one export can be had without a key, for a day at most.

A link is signed, not stored: what it is for, in whose name, and until when stand in it.  Everything is asked again when
it is used: the file must still be handed out, and who made the link must still be let in and may still download.
Replacing the key ends them all.  A link is a secret, and is shown once.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from lading import clock, ids
from lading.canonical import Json
from lading.db.database import Database
from lading.errors import Gone, InvalidInput, NotFound
from lading.exports import link_keys, published, store
from lading.exports.model import StoredArtifact
from lading.exports.types import requests
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.tenants import standing
from lading.tenants import store as tenants
from lading.tenants.model import INSTANCE_ID, Principal, Scope

PREFIX: Final = "ldl_"
MOST_SECONDS: Final = 86_400
_FORM: Final = struct.Struct(">B16s16s16sBB16s16sQ")
_VERSION: Final = 1
_MAC_BYTES: Final = 32
_DIGEST_BYTES: Final = 16
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Claims:
    """What a link says: which file, in whose name, until when; `digest` is the head of its SHA-256."""

    tenant_id: UUID
    export_id: UUID
    link_id: UUID
    kind: Literal["key", "member"]
    is_home: bool
    principal_id: UUID
    digest: bytes
    until: int

    @property
    def home_id(self) -> UUID:
        """Return the tenant of the principal: the link's own, or that of the installation."""
        return self.tenant_id if self.is_home else INSTANCE_ID


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was made; `token` can't be had again."""

    id: UUID
    artifact: StoredArtifact
    expires_at: datetime
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that holds, and the principal in whose name it does, as that is now."""

    claims: Claims
    principal: Principal


def sign(key: bytes, claims: Claims) -> str:
    """
    Return the token that `read` takes back with the same key.

    >>> claims = Claims(UUID(int=1), UUID(int=2), UUID(int=3), "key", True, UUID(int=4), bytes(16), 1_800_000_000)
    >>> read(b"k", sign(b"k", claims)) == claims, read(b"other", sign(b"k", claims))
    (True, None)
    """
    body = _FORM.pack(
        _VERSION,
        claims.tenant_id.bytes,
        claims.export_id.bytes,
        claims.link_id.bytes,
        claims.kind == "member",
        claims.is_home,
        claims.principal_id.bytes,
        claims.digest,
        claims.until,
    )
    return PREFIX + base64.urlsafe_b64encode(body + _mac(key, body)).decode().rstrip("=")


def read(key: bytes, token: str) -> Claims | None:
    """Return what a token says, None for one that nobody signed with this key."""
    if not token.startswith(PREFIX) or len(token) > _LONGEST or not token.isascii():
        return None
    text = token.removeprefix(PREFIX)
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    body, mac = content[:-_MAC_BYTES], content[-_MAC_BYTES:]
    if len(body) != _FORM.size or not hmac.compare_digest(mac, _mac(key, body)) or body[0] != _VERSION:
        return None
    _, tenant, export, link, is_member, is_home, principal, digest, until = _FORM.unpack(body)
    return Claims(
        UUID(bytes=tenant),
        UUID(bytes=export),
        UUID(bytes=link),
        "member" if is_member else "key",
        bool(is_home),
        UUID(bytes=principal),
        digest,
        until,
    )


class Links:
    """Makes links, and opens those that hold."""

    def __init__(self, database: Database, keys_dir: Path) -> None:
        self._database: Final = database
        self._keys_dir: Final = keys_dir

    async def make(
        self, principal: Principal, tenant_id: UUID, export_id: UUID, *, name: str | None, seconds: int
    ) -> Link:
        """Make a link to a file of the export, its package if none is named; the ledger knows that it was made."""
        if not 1 <= seconds <= MOST_SECONDS:
            raise InvalidInput.field("expires_in_seconds", f"must be 1 to {MOST_SECONDS} (a day).")
        key, link_id = await asyncio.to_thread(link_keys.load_or_create, self._keys_dir), ids.new()
        async with self._database.tenant(tenant_id) as tx:
            requests.permit_files(principal, (await store.find(tx, export_id)).plan)
            artifact = _chosen((await published.of_exports(tx, [export_id]))[export_id], export_id, name)
            until = int((tx.now + timedelta(seconds=seconds)).timestamp())
            expires_at = datetime.fromtimestamp(until, UTC)
            data: dict[str, Json] = {
                "link": ids.show(ids.LINK, link_id),
                "sha256": artifact.sha256,
                "expires_at": clock.show(expires_at),
            }
            await record(tx, Entry("export.link_made", ids.show(ids.EXPORT, export_id), principal.actor, data))
        claims = Claims(
            tenant_id,
            export_id,
            link_id,
            principal.kind,
            principal.tenant_id == tenant_id,
            principal.id,
            bytes.fromhex(artifact.sha256)[:_DIGEST_BYTES],
            until,
        )
        return Link(link_id, artifact, expires_at, sign(key, claims))

    async def open(self, token: str) -> Opened:
        """Return who may have what by this link; NotFound for one that is forged or taken back, Gone for an old one."""
        claims = read(await asyncio.to_thread(link_keys.load_or_create, self._keys_dir), token)
        if claims is None:
            raise _useless()
        async with self._database.system() as tx:
            now, tenant = tx.now, await tenants.get_tenant(tx, claims.tenant_id)
        if claims.until <= now.timestamp():
            raise Gone(
                f"This link ran out at {clock.show(datetime.fromtimestamp(claims.until, UTC))}; ask for another."
            )
        principal = await standing.of(
            self._database, claims.home_id, kind=claims.kind, principal_id=claims.principal_id
        )
        if principal is None or Scope.DOWNLOAD not in principal.scopes or tenant.suspended_at is not None:
            raise _useless()
        if not (claims.is_home or principal.is_instance):  # acts for others no more
            raise _useless()
        return Opened(claims, principal)

    async def name_of(self, claims: Claims) -> str:
        """Return the name of the file that a link is for; NotFound when it is handed out no more."""
        async with self._database.tenant(claims.tenant_id) as tx:
            files = (await published.of_exports(tx, [claims.export_id]))[claims.export_id]
        for file in files:
            if bytes.fromhex(file.sha256)[:_DIGEST_BYTES] == claims.digest:
                return file.name
        raise _useless()

    async def revoke_all(self, *, reason: str, ticket: str | None, actor: Actor) -> None:
        """Make every link of this installation useless; recorded first, so that none ends untold."""
        async with self._database.tenant(INSTANCE_ID) as tx:
            subject = ids.show(ids.TENANT, INSTANCE_ID)
            await record(tx, Entry("links.revoked", subject, actor, grounds(reason, ticket)))
        await asyncio.to_thread(link_keys.replace, self._keys_dir)


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"lading link\0" + body, hashlib.sha256).digest()


def _useless() -> NotFound:
    return NotFound("This link leads nowhere (any more); ask for another.")


def _chosen(files: list[StoredArtifact], export_id: UUID, name: str | None) -> StoredArtifact:
    for file in files:
        if name is None or file.name == name:
            return file
    shown = ids.show(ids.EXPORT, export_id)
    if name is None:
        raise NotFound(f"{shown} hands out no file; there are files when it is completed and until it expires.")
    raise NotFound(f"{shown} has no file {name[:80]!r}; list its artifacts to see what there is.")
