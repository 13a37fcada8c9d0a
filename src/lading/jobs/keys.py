"""Idempotency keys: the same key and request make one thing, however often they are sent.  Takes `tx`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import InvalidInput

_SQL: Final = Statements(__package__ or "lading.jobs")


async def bind(tx: Transaction, key: str, digest: bytes, resource: UUID) -> UUID | None:
    """Bind `key` to `resource` and return None, or return what the same request made before; 422 for another one."""
    if await tx.maybe(_SQL["take_key"], tenant_id=tx.tenant, key=key, digest=digest, resource_id=resource) is not None:
        return None
    row = await tx.one(_SQL["find_key"], tenant_id=tx.tenant, key=key)
    if bytes(row["request_digest"]) != digest:
        raise InvalidInput(
            "This Idempotency-Key was used for another request; send a new key with a new request.",
            code="idempotency-key-reused",
        )
    bound: UUID = row["resource_id"]
    return bound


async def known(tx: Transaction, keys: Collection[str]) -> set[str]:
    """Return those of `keys` that are bound."""
    return {row["key"] for row in await tx.all(_SQL["bound_keys"], tenant_id=tx.tenant, keys=list(keys))}
