"""
The keyring: what became of the signing keys of an instance, as a chain of signed statements that anybody can follow.

Each statement is a DSSE envelope and names the digest of the one before it.  "made" is signed by the key itself;
"rotated" by the key it replaces and by the new one; "revoked" by the key that is in force instead.  Whoever pinned one
key of the chain believes what it vouched for and what was vouched for by it (`follow`).  A chain tells, it does not
convince: a key that nobody pinned is worth nothing.  Pure; needs `cryptography` and nothing of the server.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from lading import canonical
from lading.canonical import Json
from lading.errors import InvalidInput
from lading.ledger.trust import (
    Life,
    PublicKey,
    Purpose,
    Revoked,
    Signing,
    Trust,
    instant_of,
    key_of,
)
from lading_verify.dsse import pre_authentication
from lading_verify.encoding import from_base64

SCHEMA: Final = "lading.keyring/1"
PAYLOAD_TYPE: Final = "application/vnd.lading.signing-key+json"
MAX_BYTES: Final = 1 << 20
_MAX_STATEMENTS: Final = 1000
_FIELDS: Final = frozenset({
    "action", "at", "by", "code", "instance", "key", "overlap_until", "previous", "sequence", "trusted_until",
})  # fmt: skip

Action: TypeAlias = Literal["made", "rotated", "revoked"]
Code: TypeAlias = Literal["compromised", "lost", "superseded"]
CODES: Final[tuple[Code, ...]] = ("compromised", "lost", "superseded")


@dataclass(frozen=True, slots=True)
class Statement:
    """
    One thing that became of `key`; `by` is the keyid of who vouches for it.

    "rotated": `by` is the key it replaces, which overlaps with it until `overlap_until`.  "revoked": `by` is the key in
    force; what `key` signed is believed until `trusted_until`, for the reason `code`.
    """

    action: Action
    key: PublicKey
    by: str
    at: str
    overlap_until: str | None = None
    trusted_until: str | None = None
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Keyring:
    """A chain whose signatures and links are good."""

    instance: str
    statements: tuple[Statement, ...] = ()
    envelopes: tuple[bytes, ...] = field(default=(), repr=False)

    def dump(self) -> bytes:
        """Return the keyring file: canonical JSON, the same bytes for the same chain."""
        told: list[Json] = [canonical.decode(each) for each in self.envelopes]
        return canonical.encode({"schema_version": SCHEMA, "instance": self.instance, "statements": told})

    @property
    def digest(self) -> str:
        """Return what the next statement links to: the SHA-256 of the last one's payload, or nothing."""
        return "" if not self.envelopes else hashlib.sha256(_payload(canonical.decode(self.envelopes[-1]))).hexdigest()

    def keys(self) -> Mapping[str, PublicKey]:
        """Return every key by its id, in the order in which they came."""
        return {each.key.keyid: each.key for each in self.statements if each.action != "revoked"}

    def newest(self, purpose: Purpose) -> Statement | None:
        """Return the statement that brought the newest key of `purpose`."""
        brought = [each for each in self.statements if each.key.purpose == purpose and each.action != "revoked"]
        return brought[-1] if brought else None

    def in_force(self, purpose: Purpose, now: str) -> tuple[PublicKey, ...]:
        """
        Return the keys that sign at `now`, the one in force first.

        A head bears many signatures: the new key signs at once, and the one it replaces beside it while they overlap.
        A statement bears one: the old key goes on until the overlap ends, when everybody knows the new one.
        """
        newest = self.newest(purpose)
        if newest is None:
            return ()
        old = self.keys().get(newest.by) if newest.action == "rotated" else None
        if old is None or newest.overlap_until is None or newest.overlap_until <= now or self._revoked(old.keyid):
            return (newest.key,)
        return (newest.key, old) if purpose == "log" else (old,)

    def lives(self) -> Mapping[str, Life]:
        """Return the life of every key, by its id."""
        told: dict[str, Life] = {}
        for each in self.statements:
            keyid = each.key.keyid
            match each.action:
                case "made":
                    told[keyid] = Life(each.at)
                case "rotated":
                    told[keyid] = Life(each.at)
                    told[each.by] = replace(told[each.by], retired_at=each.overlap_until)
                case "revoked":
                    told[keyid] = replace(told[keyid], revoked=Revoked(each.at, each.trusted_until or each.at))
        return told

    def _revoked(self, keyid: str) -> bool:
        return any(each.action == "revoked" and each.key.keyid == keyid for each in self.statements)


def extended(ring: Keyring, told: Statement, signers: Sequence[Signing]) -> Keyring:
    """Return `ring` with one more statement, signed by `signers`: who vouches first, then a new key itself."""
    payload = canonical.encode({
        "action": told.action, "at": told.at, "by": told.by, "code": told.code, "instance": ring.instance,
        "key": _shown(told.key), "overlap_until": told.overlap_until, "previous": ring.digest,
        "sequence": len(ring.statements), "trusted_until": told.trusted_until,
    })  # fmt: skip
    message = pre_authentication(payload, PAYLOAD_TYPE)
    envelope = _envelope(payload, [(one.public.keyid, one.sign(message)) for one in signers])
    return read(Keyring(ring.instance, (), (*ring.envelopes, envelope)).dump())


def read(data: bytes) -> Keyring:
    """Return the chain that `data` holds; InvalidInput unless every link and every signature is good."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"A keyring has at most {MAX_BYTES} bytes.")
    try:
        return _read(canonical.decode(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"This is not a keyring: {error}. Fetch it from the instance again.") from error


def follow(trust: Trust, ring: Keyring) -> Trust:
    """
    Return `trust` with the keys and revocations that its own keys vouch for; what nobody in it vouches for stays out.

    A key that replaced another and the one it replaced signed the same statement: each vouches for the other.
    A key that is known to be revoked vouches for none: whoever has it could go on with the chain.
    """
    revoked = {key.keyid for key in trust.all_keys if trust.revoked(key) is not None}
    believed = {key.keyid for key in trust.all_keys} - revoked
    links = [(each.by, each.key.keyid) for each in ring.statements if each.action == "rotated"]
    for old, new in reversed(links):  # a key in force attests all that was said before it
        if new in believed:
            believed.add(old)
    for old, new in links:
        if old in believed - revoked:
            believed.add(new)
    known, lives = ring.keys(), ring.lives()
    vouched = {each.key.keyid for each in ring.statements if each.action == "revoked" and each.by in believed}
    told = {
        keyid: life if keyid in vouched else replace(life, revoked=trust.life(known[keyid]).revoked)
        for keyid, life in lives.items()
        if keyid in believed
    }
    return trust.with_keys(known[keyid] for keyid in known if keyid in believed).with_lives(told)


def _read(document: Any) -> Keyring:
    if document.keys() != {"schema_version", "instance", "statements"} or document["schema_version"] != SCHEMA:
        raise ValueError(f"schema_version is not {SCHEMA!r}, or there are other fields")
    instance, envelopes = document["instance"], document["statements"]
    if not isinstance(instance, str) or not isinstance(envelopes, list) or len(envelopes) > _MAX_STATEMENTS:
        raise ValueError("instance is no name, or statements is no list, or too long")
    chain = _Chain(instance)
    for envelope in envelopes:
        chain.admit(envelope)
    return Keyring(instance, tuple(chain.statements), tuple(canonical.encode(each) for each in envelopes))


class _Chain:
    """The statements that were found good so far."""

    def __init__(self, instance: str) -> None:
        self.statements: list[Statement] = []
        self._instance: Final = instance
        self._previous = ""
        self._keys: dict[str, PublicKey] = {}
        self._current: dict[Purpose, str] = {}
        self._revoked: set[str] = set()

    def admit(self, envelope: Any) -> None:
        """Take one more statement; ValueError if it does not follow from those before it."""
        number = len(self.statements)
        payload = _payload(envelope)
        fields: Any = canonical.decode(payload)
        if fields.keys() != _FIELDS or (fields["instance"], fields["sequence"], fields["previous"]) != (
            self._instance, number, self._previous,
        ):  # fmt: skip
            raise ValueError(f"statement {number} is not the next of this chain")
        told = _statement(fields)
        needed = self._vouchers(told)
        signatures = [(str(each["keyid"]), from_base64(each["sig"])) for each in envelope["signatures"]]
        if [keyid for keyid, _ in signatures] != [key.keyid for key in needed] or canonical.encode(
            envelope
        ) != _envelope(payload, signatures):
            raise ValueError(f"statement {number} is not signed by those who must sign it")
        for key, (_, signature) in zip(needed, signatures, strict=True):
            if not key.signed(pre_authentication(payload, PAYLOAD_TYPE), signature):
                raise ValueError(f"a signature of statement {number} does not fit")
        self._note(told)
        self._previous = hashlib.sha256(payload).hexdigest()

    def _vouchers(self, told: Statement) -> Sequence[PublicKey]:
        keyid, current = told.key.keyid, self._current.get(told.key.purpose)
        match told.action:
            case "made" if told.by == keyid and keyid not in self._keys:
                return (told.key,)
            case "rotated" if told.by == current and keyid not in self._keys and told.overlap_until is not None:
                return (self._keys[told.by], told.key)
            case "revoked" if (
                self._keys.get(keyid) == told.key
                and keyid not in self._revoked
                and told.by == current
                and keyid != current
                and told.trusted_until is not None
                and told.code is not None
            ):
                return (self._keys[told.by],)
            case _:
                raise ValueError(f"{told.action} can't be said of key {keyid} by {told.by} here")

    def _note(self, told: Statement) -> None:
        self.statements.append(told)
        if told.action == "revoked":
            self._revoked.add(told.key.keyid)
        else:
            self._keys[told.key.keyid] = told.key
            self._current[told.key.purpose] = told.key.keyid


def _statement(fields: Any) -> Statement:
    if fields["action"] not in {"made", "rotated", "revoked"} or fields["code"] not in {None, *CODES}:
        raise ValueError("an action or a code that nobody knows")
    if fields["key"].keys() != {"keyid", "purpose", "algorithm", "public"}:
        raise ValueError("a key with other fields")
    until = {name: fields[name] for name in ("overlap_until", "trusted_until") if fields[name] is not None}
    return Statement(
        fields["action"],
        key_of(fields["key"]),
        str(fields["by"]),
        instant_of(fields["at"]),
        code=fields["code"],
        **{name: instant_of(instant) for name, instant in until.items()},
    )


def _payload(envelope: Any) -> bytes:
    return from_base64(envelope["payload"])


def _shown(key: PublicKey) -> dict[str, Json]:
    public = base64.b64encode(key.raw).decode()
    return {"keyid": key.keyid, "purpose": key.purpose, "algorithm": "ed25519", "public": public}


def _envelope(payload: bytes, signatures: Sequence[tuple[str, bytes]]) -> bytes:
    return canonical.encode({
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(sig).decode()} for keyid, sig in signatures],
    })  # fmt: skip
