"""
Replace and revoke signing keys: in the folder where they are kept, under its lock, as links of the keyring.

A replaced key is believed for what it signed.  The new log key signs beside the old one while they overlap; the new
package key signs when the overlap has ended, so that whoever checks packages has time to fetch the trust file.  A
revoked key signs nothing from that moment on.  `signing_keys` tells tenants' ledgers of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from lading import clock
from lading.errors import Conflict, InvalidInput, NotFound
from lading.ledger import keyring
from lading.ledger.keyring import Code, Keyring, Statement
from lading.ledger.keys import KeyStore, locked, new_key
from lading.ledger.trust import PublicKey, Purpose, Signing


def rotate(store: KeyStore, purpose: Purpose, *, overlap: timedelta) -> Statement:
    """Replace the key of `purpose`; Conflict while the one before it still overlaps."""
    with locked(store.folder):
        ring, now = store.read(), clock.now()
        newest = _newest(ring, purpose)
        until = newest.overlap_until
        old = None if newest.action == "made" else ring.lives()[newest.by]
        if until is not None and until > clock.show(now) and old is not None and old.revoked is None:
            raise Conflict(
                f"The {purpose} key {newest.by} overlaps with the one that replaced it until {until}. "
                "Wait for that, or revoke it."
            )
        ring = _replaced(store, ring, newest.key, at=now, overlap=overlap)
        store.publish(ring)
    return ring.statements[-1]


def revoke(store: KeyStore, keyid: str, *, code: Code, trusted_until: datetime | None = None) -> list[Statement]:
    """
    Revoke a key and return what was said; a key in force is replaced at once, without an overlap.

    `trusted_until` is when it was last in good hands, now if nothing is given.  A key that is lost can't vouch for the
    one that follows: that begins anew, and auditors have to pin it.
    """
    now = clock.now()
    until = now if trusted_until is None else trusted_until
    if until > now:
        raise InvalidInput("A key can't be trusted until a time to come; say when it was last in good hands.")
    with locked(store.folder):
        ring = store.read()
        key = find(ring, keyid)
        if ring.lives()[key.keyid].revoked is not None:
            raise Conflict(f"The key {key.keyid} was revoked before.")
        before = len(ring.statements)
        if _newest(ring, key.purpose).key == key:
            ring = (
                _restarted(store, ring, key.purpose, at=now)
                if code == "lost"
                else _replaced(store, ring, key, at=now, overlap=timedelta())
            )
        by = store.signer(ring, _newest(ring, key.purpose).key)
        told = Statement(
            "revoked", key, by.public.keyid, clock.show(now), trusted_until=clock.show(until), code=code
        )  # fmt: skip
        ring = keyring.extended(ring, told, [by])
        store.publish(ring)
    return list(ring.statements[before:])


def find(ring: Keyring, keyid: str) -> PublicKey:
    """Return the key whose id begins with `keyid`; NotFound or InvalidInput when it is not exactly one."""
    found = [key for known, key in ring.keys().items() if known.startswith(keyid)]
    if not found:
        raise NotFound(f"No signing key has an id that begins with {keyid}; `lading signing-keys list` has them.")
    if len(found) > 1:
        raise InvalidInput(f"{len(found)} signing keys have ids that begin with {keyid}; give more of it.")
    return found[0]


def _newest(ring: Keyring, purpose: Purpose) -> Statement:
    newest = ring.newest(purpose)
    if newest is None:
        raise NotFound(f"There is no {purpose} key yet; it is made when Lading starts.")
    return newest


def _replaced(store: KeyStore, ring: Keyring, old: PublicKey, *, at: datetime, overlap: timedelta) -> Keyring:
    outgoing = store.signer(ring, old)
    incoming = _incoming(store, ring, old.purpose)
    told = Statement(
        "rotated", incoming.public, old.keyid, clock.show(at), overlap_until=clock.show(at + overlap)
    )  # fmt: skip
    return keyring.extended(ring, told, [outgoing, incoming])


def _restarted(store: KeyStore, ring: Keyring, purpose: Purpose, *, at: datetime) -> Keyring:
    incoming = _incoming(store, ring, purpose)
    told = Statement("made", incoming.public, incoming.public.keyid, clock.show(at))
    return keyring.extended(ring, told, [incoming])


def _incoming(store: KeyStore, ring: Keyring, purpose: Purpose) -> Signing:
    incoming, known = new_key(store, purpose), ring.keys()
    if incoming.public.keyid in known:
        raise Conflict(
            f"The signer still names the key {incoming.public.keyid} for {purpose}. Make another one there first."
        )
    return incoming
