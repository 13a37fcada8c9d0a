"""
Whether two principals are one person, as far as it can be told: for what takes two of them.

A member is a person.  A key is whoever made it, whoever holds the key that made it, and whom it was rotated for; two
keys that lead to the same member or the same key of the tenant are the same person's, siblings too: who makes keys has
held them all.  Two keys made at the beginning, by the key of the installation, are nobody's in particular and count as
two: people who must be told apart log in as members.  Of keys of the installation itself the tenant can't see who made
which: among them, and its members, they count as one person.
"""

from __future__ import annotations

from typing import Final

from lading import ids
from lading.db.statements import Statements
from lading.db.transaction import Transaction
from lading.errors import NotFound

_SQL: Final = Statements(__package__ or "lading.tenants")
_MOST: Final = 200


async def are_one(tx: Transaction, one: str, other: str) -> bool:
    """Tell whether the actors `one` and `other`, by their outer ids, are the same person."""
    if one == other:
        return True
    behind_one, behind_other = await _behind(tx, one), await _behind(tx, other)
    if other in behind_one or one in behind_other:
        return True
    for each in behind_one & behind_other:
        if each.startswith(f"{ids.MEMBER}_") or await _is_of_tenant(tx, each):
            return True
    has_key = any(each.startswith(f"{ids.KEY}_") for each in (one, other))
    return has_key and not await _is_of_tenant(tx, one) and not await _is_of_tenant(tx, other)


async def _is_of_tenant(tx: Transaction, actor: str) -> bool:
    """Tell whether an actor is a key or member of the tenant itself."""
    for prefix, statement in ((ids.KEY, "key_origin"), (ids.MEMBER, "get_member")):
        if actor.startswith(f"{prefix}_"):
            row = await tx.maybe(_SQL[statement], tenant_id=tx.tenant, id=ids.parse(prefix, actor))
            return row is not None
    return False


async def _behind(tx: Transaction, actor: str) -> set[str]:
    """Return who stands behind an actor: itself, who made it, who made that, and so on."""
    found, left = {actor}, [actor]
    while left and len(found) < _MOST:
        try:
            key_id = ids.parse(ids.KEY, left.pop())
        except NotFound:
            continue
        row = await tx.maybe(_SQL["key_origin"], tenant_id=tx.tenant, id=key_id)
        if row is None:
            continue
        origins = {row["created_by"]} | ({ids.show(ids.KEY, row["replaces"])} if row["replaces"] else set())
        left += origins - found
        found |= origins
    return found
