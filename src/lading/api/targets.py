"""What may be stopped or slowed down: a name that nobody knows is a slip, and is answered with those that are known."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from lading import ids
from lading.api.kinds import KINDS
from lading.db.transaction import Transaction
from lading.errors import InvalidTransition, NotFound
from lading.exports import registry
from lading.jobs import controls
from lading.jobs import store as jobs
from lading.limits import store as limits
from lading.limits.model import Scope
from lading.sources import store as sources

_SHOWN: Final = 20


async def require(tx: Transaction, scope: Scope, target: str) -> None:
    """Return when there is such a thing; NotFound names those that there are."""
    match scope:
        case Scope.TENANT:
            return
        case Scope.SOURCE:
            _require("source", target, await sources_of(tx))
        case Scope.KIND:
            _require("kind of job", target, await kinds_of(tx))
        case Scope.JOB:
            job = await jobs.find(tx, ids.parse(ids.JOB, target))
            if job.state in controls.ENDED:
                raise InvalidTransition(f"{target} is {job.state.value}; there is nothing left to hold back.")


async def sources_of(tx: Transaction) -> set[str]:
    """Return the sources that are registered, that active profiles read, or that jobs were made for."""
    registered = {source.name for source in await sources.all(tx)}
    return registered | set((await registry.active_sources(tx)).values()) | {host for _, host in await limits.lanes(tx)}


async def kinds_of(tx: Transaction) -> set[str]:
    """Return the kinds that this Lading knows or has had jobs of."""
    return set(KINDS) | {kind for kind, _ in await limits.lanes(tx)}


def named(known: Collection[str]) -> str:
    """
    Return the names as a part of a sentence.

    >>> named({"b", "a"}), named(())
    ('known are: a, b', 'none is known yet')
    """
    found = sorted(name for name in known if name)
    more = ", …" if len(found) > _SHOWN else ""
    return f"known are: {', '.join(found[:_SHOWN])}{more}" if found else "none is known yet"


def _require(what: str, name: str, known: Collection[str]) -> None:
    if not name or name not in known:
        raise NotFound(f"There is no {what} {name[:60]!r}; {named(known)}.")
