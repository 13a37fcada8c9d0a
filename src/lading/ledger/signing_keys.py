"""
Tell every tenant's ledger what becomes of the instance's signing keys: one entry in each for a statement, once.

Keys change in files, ledgers in the database.  Whoever changes a key tells it at once (`announce`); what was changed
and not told, because somebody died between the two, upkeep tells later (`announce_late`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from lading import clock
from lading.canonical import Json
from lading.db.database import Database
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.ledger import store
from lading.ledger.entry import INSTANCE, SYSTEM, Actor, Entry, grounds
from lading.ledger.keyring import Keyring, Statement
from lading.ledger.keys import KeyStore, locked
from lading.ledger.trust import Life, Revoked

OPERATOR: Final = Actor("system", "operator")
"""Who works on the machine that has the keys; no name is known of them."""
_SQL: Final = Statements("lading.ledger")
_PATIENCE: Final = timedelta(minutes=5)  # whoever changed a key has the reason, and tells both


async def announce(database: Database, keys: KeyStore, *, reason: str, ticket: str | None) -> int:
    """Tell all ledgers what they were not told of the keys, for a reason; return how many statements there were."""
    return await _announce(database, keys, told=grounds(reason, ticket), actor=OPERATOR, patience=timedelta())


async def announce_late(database: Database, keys: KeyStore) -> int:
    """Tell all ledgers and the trust file what whoever changed the keys has not told; ledgers after some minutes."""
    await asyncio.to_thread(_finish, keys)
    count = await _announce(database, keys, told={}, actor=SYSTEM, patience=_PATIENCE)
    await _say_sizes(database, keys)
    return count


async def _announce(
    database: Database, keys: KeyStore, *, told: Mapping[str, Json], actor: Actor, patience: timedelta
) -> int:
    ring, lives = await asyncio.to_thread(keys.ring), dict[str, Life]()
    count = 0
    async with database.ledger() as tx:
        known = {bytes(row["digest"]) for row in await tx.all(_SQL["told_statements"])}
        for digest, statement in _new(ring, known):
            if clock.parse(statement.at) > tx.now - patience:
                continue
            if await tx.run(_SQL["tell_statement"], digest=digest, told_at=tx.now):
                count += 1
                lives |= await _tell(tx, statement, told=told, actor=actor)
    if lives:
        await asyncio.to_thread(_publish, keys, lives)
    return count


def _new(ring: Keyring, known: set[bytes]) -> list[tuple[bytes, Statement]]:
    digests = [hashlib.sha256(each).digest() for each in ring.envelopes]
    return [(digest, each) for digest, each in zip(digests, ring.statements, strict=True) if digest not in known]


async def _tell(tx: Transaction, statement: Statement, *, told: Mapping[str, Json], actor: Actor) -> Mapping[str, Life]:
    """Record the statement for every tenant; return what a trust file has to say of a revoked key."""
    key = statement.key
    if statement.action == "revoked":
        assert statement.trusted_until is not None
        await tx.run(_SQL["limit_key"], keyid=key.keyid, trusted_until=clock.parse(statement.trusted_until))
        await _limit_logs(tx, statement)
    rows = await tx.all(_SQL["key_sizes"], keyid=key.keyid)
    data = _data(statement) | dict(told)
    await store.record_all(
        tx,
        (
            (
                row["tenant_id"],
                Entry(f"signing_key.{statement.action}", f"keyid:{key.keyid}", actor, {**data, **_limit(row)}),
            )
            for row in rows
        ),
    )
    if statement.action != "revoked":
        return {}
    return {key.keyid: _limited(statement, rows)}


def _finish(keys: KeyStore) -> None:
    """Bring the trust file up to the keyring, and let go of private keys whose time is over."""
    with locked(keys.folder):
        ring = keys.read()
        if ring.statements:
            keys.publish(ring)


async def _say_sizes(database: Database, keys: KeyStore) -> None:
    """Put the sizes that are believed into the trust file, if somebody died before, or a log was not looked at then."""
    ring, known = await asyncio.to_thread(keys.ring), await asyncio.to_thread(keys.known)
    revoked = [each for each in ring.statements if each.action == "revoked"]
    if not revoked:
        return
    lives: dict[str, Life] = {}
    async with database.ledger() as tx:
        for each in revoked:
            await _limit_logs(tx, each)
            life = _limited(each, await tx.all(_SQL["key_sizes"], keyid=each.key.keyid))
            stands = known.revoked(each.key)
            if life.revoked is not None and not life.revoked.sizes.items() <= (stands.sizes if stands else {}).items():
                lives[each.key.keyid] = life
    if lives:
        await asyncio.to_thread(_publish, keys, lives)


async def _limit_logs(tx: Transaction, statement: Statement) -> None:
    if statement.key.purpose == "log" and statement.trusted_until is not None:
        until = clock.parse(statement.trusted_until)
        await tx.run(_SQL["limit_key_logs"], keyid=statement.key.keyid, trusted_until=until, instance=INSTANCE)


def _limited(statement: Statement, rows: Sequence[Row]) -> Life:
    assert statement.trusted_until is not None
    sizes: dict[str, int] = {}
    for row in rows:
        sizes |= row["logs"]
        if row["origin"] is not None:
            sizes[row["origin"]] = row["size"]
    return Life(None, None, Revoked(statement.at, statement.trusted_until, sizes))


def _data(statement: Statement) -> dict[str, Json]:
    data: dict[str, Json] = {"purpose": statement.key.purpose}
    match statement.action:
        case "made":
            return data
        case "rotated":
            return {**data, "replaces": statement.by, "overlap_until": statement.overlap_until}
        case "revoked":
            return {
                **data, "by": statement.by, "code": statement.code, "trusted_until": statement.trusted_until,
            }  # fmt: skip


def _limit(row: Row) -> dict[str, Json]:
    if row["origin"] is None:
        return {}
    earlier = {origin: size for origin, size in sorted(row["logs"].items()) if origin != row["origin"]}
    told: dict[str, Json] = {"trusted_size": row["size"], "trusted_root": row["root"].hex()}
    return {**told, "trusted_logs": earlier} if earlier else told


def _publish(keys: KeyStore, lives: Mapping[str, Life]) -> None:
    with locked(keys.folder):
        keys.say(lives)
