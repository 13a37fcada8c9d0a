"""
The stages of the types without a profile, and what an export of any type is made from.

Only an executor loads this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from uuid import UUID

from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import NotFound, SourceError
from lading.exports import deltas, registry
from lading.exports import profile as profiles
from lading.exports.model import Plan, Stage
from lading.exports.profile import Profile
from lading.exports.stages.work import Asking, Result, Work
from lading.exports.types import audit, bundle, delta, evidence, kinds, names, snapshot
from lading.sources import store as sources
from lading.sources.model import Source

T = TypeVar("T")
Stages = Mapping[Stage, Callable[[Work], Result]]

_OWN: Final[Mapping[str, Stages]] = {
    names.EVIDENCE_PACK: evidence.STAGES,
    names.AUDIT_REPORT: audit.STAGES,
    names.SNAPSHOT: snapshot.STAGES,
    names.AUDIT_BUNDLE: bundle.STAGES,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """The profile of an export, or what stands in for it, and the source that it reads."""

    profile: Profile
    digest: str
    source: Source


def stages(plan: Plan, usual: Stages) -> Stages:
    """Return the stages of an export: the usual ones, with those in their places that are done in another way."""
    return {**usual, **(delta.STAGES if deltas.is_delta(plan) else _OWN.get(plan.type, {}))}


async def subject(tx: Transaction, plan: Plan) -> Subject:
    """Return what an export is made from; SourceError when its source is not registered any more."""
    if not kinds.is_own(plan.type):
        profile, digest = await _revision(tx, plan.profile, plan.revision)
        if deltas.is_delta(plan):
            profile = replace(profile, file_name=f"{profile.file_name}_delta")
    elif plan.type == names.SNAPSHOT and "profile" in plan.selector:
        read, digest = await _revision(tx, plan.selector["profile"], plan.selector["revision"])
        profile = replace(kinds.profile_of(plan), selection=read.selection, key=read.key)
    else:
        profile, digest = kinds.profile_of(plan), kinds.digest_of(plan)
    if plan.type in {names.EVIDENCE_PACK, names.AUDIT_REPORT, names.AUDIT_BUNDLE}:
        return Subject(profile, digest, Source(tx.tenant, kinds.HOST, kinds.HOST))
    try:
        return Subject(profile, digest, await sources.get(tx, profile.source))
    except NotFound as error:
        raise SourceError(error.message) from error


async def _revision(tx: Transaction, name: str, number: int) -> tuple[Profile, str]:
    revision = await registry.get(tx, name, number)
    return profiles.parse(revision.document), revision.digest.hex()


def asking(database: Database, tenant_id: UUID) -> Asking:
    """Return how a stage's thread asks the database, through the loop that runs now."""
    loop = asyncio.get_running_loop()

    def ask(question: Callable[[Transaction], Awaitable[T]], /) -> T:
        async def answer() -> T:
            async with database.tenant(tenant_id) as tx:
                return await question(tx)

        return asyncio.run_coroutine_threadsafe(answer(), loop).result()

    return ask
