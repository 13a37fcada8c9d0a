"""
When which revision of a profile was the one that exports use, and what a rollback goes back to.

Rolling back undoes the newest activation that still stands: twice in a row goes back two, and an activation after that
begins a new line.  Takes `tx`, never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lading.db.statements import Statements
from lading.db.transaction import Transaction

_STATEMENTS: Final = Statements("lading.exports")
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Activation:
    """A span in which `revision` was active: from `activated_at` until `until`, None while it still is."""

    revision: int
    is_rollback: bool
    activated_at: datetime
    until: datetime | None
    activated_by: str
    reason: str | None
    ticket: str | None


async def add(
    tx: Transaction,
    name: str,
    revision: int,
    *,
    version: int,
    by: str,
    is_rollback: bool,
    reason: str | None,
    ticket: str | None,
) -> None:
    """Remember that `revision` became the active one."""
    await tx.run(
        _STATEMENTS["profile_activated"],
        tenant_id=tx.tenant,
        name=name,
        revision=revision,
        version=version,
        is_rollback=is_rollback,
        activated_by=by,
        reason=reason,
        ticket=ticket,
    )


async def spans(tx: Transaction, name: str, *, limit: int = MOST) -> Sequence[Activation]:
    """Return the newest `limit` activations of a profile, newest first."""
    rows = await tx.all(_STATEMENTS["profile_activations"], tenant_id=tx.tenant, name=name, limit=limit)
    return [
        Activation(
            revision=row["revision"],
            is_rollback=row["is_rollback"],
            activated_at=row["activated_at"],
            until=row["until"],
            activated_by=row["activated_by"],
            reason=row["reason"],
            ticket=row["ticket"],
        )
        for row in rows
    ]


def before(steps: Sequence[tuple[int, bool]]) -> int | None:
    """
    Return the revision to go back to, None if there is none; `steps` are (revision, is rollback), oldest first.

    >>> before([(1, False), (2, False), (3, False)])
    2
    >>> before([(1, False), (2, False), (3, False), (2, True)])
    1
    >>> before([(1, False), (2, False), (1, True), (3, False)])
    1
    >>> before([(1, False)]) is None
    True
    """
    standing: list[int] = []
    for revision, is_rollback in steps:
        if is_rollback and len(standing) > 1:
            standing.pop()
        else:
            standing.append(revision)
    return standing[-2] if len(standing) > 1 else None
