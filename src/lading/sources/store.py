"""
Sources in the database: register, get, all, delete.

Every change of a source and its ledger entry are in the caller's transaction; nothing here commits or connects.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg.types.json import Jsonb

from lading import canonical
from lading.db import versions
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.db.versions import Version
from lading.errors import InvalidInput, NotFound
from lading.ledger.entry import Actor, Entry, grounds
from lading.ledger.store import record
from lading.sources.credentials import FORM, NEEDED_BY, is_reserved
from lading.sources.model import Source
from lading.sources.options import KINDS, check_options

_STATEMENTS: Final = Statements(__package__ or "lading.sources")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


async def register(
    tx: Transaction,
    name: str,
    *,
    credentials_ref: str | None = None,
    actor: Actor,
    kind: str = "postgresql",
    attachments_ref: str | None = None,
    timeout_seconds: int = 600,
    options: Mapping[str, Any] | None = None,
    version: Version = None,
) -> Source:
    """
    Return the source as it stands after this: new, replaced (version + 1), or unchanged (nothing recorded).

    With `version` only that version is replaced: PreconditionFailed when it is another by now.
    """
    _check(name, kind, credentials_ref, attachments_ref, timeout_seconds)
    settled = check_options(kind, options or {})
    await _require(tx, name, version)
    row = await tx.maybe(
        _STATEMENTS["register"],
        tenant_id=tx.tenant,
        name=name,
        kind=kind,
        credentials_ref=credentials_ref,
        attachments_ref=attachments_ref,
        timeout_seconds=timeout_seconds,
        options=Jsonb(settled),
    )
    if row is None:
        stands = await get(tx, name)
        versions.require(f"Source {name}", stands.version, version)
        return stands
    source = _source(row)
    versions.require_made(f"Source {name}", source.version, version)
    data = {
        "attachments": source.attachments_ref,
        "credentials": source.credentials_ref,
        "kind": source.kind,
        "options": hashlib.sha256(canonical.encode(settled)).hexdigest() if settled else None,
        "timeout_seconds": source.timeout_seconds,
    }
    await record(tx, Entry("source.registered", f"source:{name}", actor, data, source.version))
    return source


async def get(tx: Transaction, name: str) -> Source:
    """Return the source; NotFound says how to register one."""
    row = await tx.maybe(_STATEMENTS["get"], tenant_id=tx.tenant, name=name)
    if row is None:
        raise NotFound(f"There is no source {name[:60]!r}; register it, or name one that `lading sources list` shows.")
    return _source(row)


async def lock(tx: Transaction, name: str, version: Version) -> Source:
    """Return the source, which nobody else changes until the transaction ends."""
    await _require(tx, name, version)
    return await get(tx, name)


async def all(tx: Transaction) -> Sequence[Source]:  # noqa: A001 - read as `store.all`, like `Transaction.all`
    """Return every source of the tenant, by name."""
    return [_source(row) for row in await tx.all(_STATEMENTS["all"], tenant_id=tx.tenant)]


async def delete(
    tx: Transaction, name: str, *, actor: Actor, reason: str, ticket: str | None, version: Version = None
) -> None:
    """Remove the source; whether something still uses it is for the caller to look at, in the same transaction."""
    await _require(tx, name, version)
    row = await tx.maybe(_STATEMENTS["delete"], tenant_id=tx.tenant, name=name)
    if row is None:
        await get(tx, name)  # which says that there is none
        return
    data = {"kind": row["kind"], **grounds(reason, ticket)}
    await record(tx, Entry("source.deleted", f"source:{name}", actor, data, row["version"]))


async def _require(tx: Transaction, name: str, version: Version) -> None:
    if version is None:
        return
    row = await tx.maybe(_STATEMENTS["lock"], tenant_id=tx.tenant, name=name)
    if row is not None:
        versions.require(f"Source {name}", row["version"], version)
    elif not versions.may_be_new(version):
        # Which says that there is none, unless somebody has just made one.
        versions.require(f"Source {name}", (await get(tx, name)).version, version)


def _check(
    name: str, kind: str, credentials_ref: str | None, attachments_ref: str | None, timeout_seconds: int
) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput.field("name", "must be 1 to 63 of a-z, 0-9, - and _, and begin with a letter or digit")
    if kind not in KINDS:
        raise InvalidInput.field("kind", f"must be one of: {', '.join(KINDS)}")
    if credentials_ref is None and kind in NEEDED_BY:
        raise InvalidInput.field("credentials_ref", f"is needed by kind {kind}")
    if credentials_ref is not None and not FORM.fullmatch(credentials_ref):
        raise InvalidInput.field(
            "credentials_ref",
            "must read env:NAME, file:/absolute/path, systemd:NAME or kubernetes:/absolute/path; "
            "the secret itself never goes here",
        )
    if credentials_ref is not None and is_reserved(credentials_ref):
        raise InvalidInput.field("credentials_ref", "names a variable of Lading itself; use one that the source owns")
    if attachments_ref is not None and not re.fullmatch(r"file:/[^\0]{0,400}", attachments_ref):
        raise InvalidInput.field("attachments_ref", "must read file:/absolute/directory")
    if not 1 <= timeout_seconds <= 86_400:
        raise InvalidInput.field("timeout_seconds", "must be between 1 and 86400")


def _source(row: Row) -> Source:
    return Source(
        tenant_id=row["tenant_id"],
        name=row["name"],
        kind=row["kind"],
        credentials_ref=row["credentials_ref"],
        attachments_ref=row["attachments_ref"],
        timeout_seconds=row["timeout_seconds"],
        version=row["version"],
        options=row["options"],
    )
