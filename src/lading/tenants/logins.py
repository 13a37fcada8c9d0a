"""
Which member of which tenant a proved token is, and what comes of the first time.

Who is a member already comes as that member; else who was invited by an e-mail address that the issuer vouches for;
else whom the claims give a role.  A removed person is nobody, whatever the claims say.  Who could be somebody in
several tenants has to name one.  Looks across tenants in a system transaction, changes in one of the tenant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.database import Database
from lading.db.statements import Statements
from lading.errors import InvalidInput, Unauthenticated
from lading.ledger import store as ledger
from lading.ledger.entry import SYSTEM, Entry
from lading.tenants import claims, members, providers
from lading.tenants.claims import Proved
from lading.tenants.model import INSTANCE_ID, Member, Principal, Provider, Role

_SQL: Final = Statements(__package__ or "lading.tenants")
_SEEN_EVERY: Final = timedelta(minutes=5)
TENANT_HEADER: Final = "Lading-Tenant"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Whom a token may be in one tenant; `member` None is somebody whom its claims let in for the first time."""

    tenant_id: UUID
    provider: Provider
    role: Role
    member: Member | None
    at: datetime

    @property
    def has_come(self) -> bool:
        """Tell whether they came as a member of the tenant before."""
        return self.member is not None and self.member.joined_at is not None


async def candidates(database: Database, proved: Proved, believed: Sequence[Provider]) -> Sequence[Candidate]:
    """Return whom the token may be, in each tenant that takes it."""
    fitting: dict[UUID, list[Provider]] = {}
    for provider in believed:
        if claims.is_for(proved, provider):
            fitting.setdefault(provider.tenant_id, []).append(provider)
    async with database.system() as tx:
        rows = await tx.all(
            _SQL["find_people"],
            tenants=list(fitting),
            issuer=proved.issuer,
            subject=proved.subject,
            email=proved.email,
        )
    known: dict[UUID, Member] = {}
    for found in map(members.member, rows):
        # Who came before is known by the subject; an invitation to the same address is somebody else's then.
        if found.tenant_id not in known or found.subject is not None:
            known[found.tenant_id] = found
    named = (_candidate(taking, known.get(tenant_id), proved, tx.now) for tenant_id, taking in fitting.items())
    return [each for each in named if each is not None]


def chosen(able: Sequence[Candidate], named: UUID | None) -> Candidate | None:
    """Return the candidate that a request means, which may name a tenant; InvalidInput when it has to and does not."""
    here = next((each for each in able if each.tenant_id == named), None)
    above = next((each for each in able if each.tenant_id == INSTANCE_ID and each.role is Role.ADMIN), None)
    if named is not None and (here or above):
        return here or above
    # Who names or invites somebody first must not get a person of another tenant: of those alone the person decides.
    known = [each for each in able if each.has_come] or able
    if len(known) > 1:
        raise InvalidInput.field(
            TENANT_HEADER, "is required: the token lets you into more than one organisation; name the one you mean."
        )
    return known[0] if known else None


def refusal(proved: Proved, believed: Sequence[Provider]) -> Unauthenticated:
    """Return why nobody lets in the bearer of a proved token, to be told in the ledger of who believes its issuer."""
    taken = [each for each in believed if claims.is_for(proved, each)]
    of = told_to(taken or believed)
    if not taken:
        sentence = "The token is for somebody else: its audience, or what it is required to say, is another."
        return Unauthenticated(sentence, of=of, why="audience")
    sentence = "The token is genuine, but you are not a member here; ask an admin to invite you."
    return Unauthenticated(sentence, of=of, why="stranger")


def told_to(believed: Sequence[Provider]) -> tuple[UUID, str]:
    """Return whose ledger is told of a refused token, and about what; the instance's where several believe it."""
    if len({each.tenant_id for each in believed}) == 1:
        return believed[0].tenant_id, providers.subject_of(believed[0].name)
    return INSTANCE_ID, f"issuer:{hashlib.sha256(believed[0].issuer.encode()).hexdigest()[:16]}"


async def enter(database: Database, candidate: Candidate, proved: Proved) -> Principal | None:
    """Return the principal that a candidate is, joined if it was the first time; None when that changed meanwhile."""
    found = candidate.member
    if found is None or found.joined_at is None:
        found = await _join(database, candidate, proved)
    elif (
        found.role is not candidate.role
        or found.last_seen_at is None
        or candidate.at - found.last_seen_at > _SEEN_EVERY
    ):
        await _touch(database, candidate, found)
    if found is None:
        return None
    return Principal(
        id=found.id,
        name=found.name or found.email or proved.subject,
        role=candidate.role,
        tenant_id=candidate.tenant_id,
        is_instance=candidate.tenant_id == INSTANCE_ID and candidate.role is Role.ADMIN,
        kind="member",
        expires_at=proved.expires_at,
    )


def _candidate(taking: Sequence[Provider], found: Member | None, proved: Proved, now: datetime) -> Candidate | None:
    tenant_id = taking[0].tenant_id
    if found is not None and found.removed_at is not None:
        return None
    if found is not None and not found.is_claimed:
        return Candidate(tenant_id, taking[0], found.role, found, now)
    for provider in taking:
        role = claims.role_of(proved, provider)
        if role is not None:
            return Candidate(tenant_id, provider, role, found, now)
    return None


async def _join(database: Database, candidate: Candidate, proved: Proved) -> Member | None:
    async with database.tenant(candidate.tenant_id) as tx:
        if candidate.member is None:
            how, row = (
                "claims",
                await tx.maybe(
                    _SQL["add_member"],
                    tenant_id=tx.tenant,
                    id=ids.new(),
                    issuer=proved.issuer,
                    subject=proved.subject,
                    email=None,
                    name=proved.name,
                    role=candidate.role.value,
                    is_claimed=True,
                    created_by=SYSTEM.id,
                ),
            )
        else:
            how, row = (
                ("email" if candidate.member.subject is None else "subject"),
                await tx.maybe(
                    _SQL["join_member"],
                    tenant_id=tx.tenant,
                    id=candidate.member.id,
                    issuer=proved.issuer,
                    subject=proved.subject,
                ),
            )
        if row is None:
            return None
        joined = members.member(row)
        data = {"how": how, "provider": candidate.provider.name, "role": candidate.role.value}
        await ledger.record(tx, Entry("member.joined", members.subject_of(joined), SYSTEM, data, joined.version))
    return joined


async def _touch(database: Database, candidate: Candidate, found: Member) -> None:
    async with database.tenant(candidate.tenant_id) as tx:
        touched = await tx.run(_SQL["touch_member"], tenant_id=tx.tenant, id=found.id, role=candidate.role.value)
        if touched and found.role is not candidate.role:
            data = {"role": candidate.role.value, "was": found.role.value, "provider": candidate.provider.name}
            await ledger.record(tx, Entry("member.changed", members.subject_of(found), SYSTEM, data, found.version))
