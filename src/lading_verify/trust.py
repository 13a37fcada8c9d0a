"""
Trust: the public keys an auditor decided to believe, and what those vouch for.

A trust file is what the instance hands out as `trust.json` (schema `lading.trust/1`).  A key is believed for its
purpose only: "log" signs heads, "package" signs statements.  A revoked package key is believed for nothing, a revoked
log key up to the sizes that the trust file names.  The keyring inside a bundle convinces nobody, but it shows which
keys were replaced by which: whoever pinned one of them believes the others, unless it was revoked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from lading_verify import encoding
from lading_verify.dsse import pre_authentication
from lading_verify.encoding import from_base64
from lading_verify.errors import Unreadable
from lading_verify.keys import KEY_BYTES, keyid, signed

SCHEMA: Final = "lading.trust/1"
KEYRING_SCHEMA: Final = "lading.keyring/1"
_PAYLOAD_TYPE: Final = "application/vnd.lading.signing-key+json"
_PURPOSES: Final = ("log", "package")
_MAX_BYTES: Final = 16 << 20
_MAX_KEYS: Final = 1000
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_FIELDS: Final = {
    "action", "at", "by", "code", "instance", "key", "overlap_until", "previous", "sequence", "trusted_until",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """
    A key and what it is believed for.

    `sizes` is None for a key without limit; for one that was revoked, up to which size of which log it is believed.
    """

    purpose: str
    raw: bytes
    sizes: Mapping[str, int] | None = None

    @property
    def keyid(self) -> str:
        """Return the name of the key."""
        return keyid(self.raw)


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys that are believed."""

    keys: tuple[Key, ...] = ()

    def package(self) -> Sequence[bytes]:
        """Return the keys whose statements are believed."""
        return [key.raw for key in self.keys if key.purpose == "package" and key.sizes is None]

    def log(self, origin: str, size: int) -> Sequence[bytes]:
        """Return the keys whose head of that log at that size is believed."""
        return [
            key.raw
            for key in self.keys
            if key.purpose == "log" and (key.sizes is None or size <= key.sizes.get(origin, -1))
        ]

    def following(self, ring: Keyring) -> Trust:
        """
        Return this trust with the keys that its own vouch for, and without those that they revoked.

        A key that was revoked vouches for none: whoever has it could go on with the chain.  What stands before a
        statement of a key in force was attested by it.
        """
        revoked = {key.keyid for key in self.keys if key.sizes is not None}
        believed = {key.keyid for key in self.keys} - revoked
        links = [(each.by, each.key.keyid) for each in ring.statements if each.action == "rotated"]
        for old, new in reversed(links):
            if new in believed:
                believed.add(old)
        for old, new in links:
            if old in believed - revoked:
                believed.add(new)
        known = {key.keyid: key for key in self.keys}
        for each in ring.statements:
            if each.action != "revoked" and each.key.keyid in believed:
                known.setdefault(each.key.keyid, each.key)
        for each in ring.statements:
            key = known.get(each.key.keyid)
            if each.action == "revoked" and each.by in believed and key is not None and key.sizes is None:
                known[key.keyid] = replace(key, sizes={})
        return Trust(tuple(known.values()))


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that became of a key: made, rotated or revoked, said by the key `by`."""

    action: str
    key: Key
    by: str


@dataclass(frozen=True, slots=True)
class Keyring:
    """A chain of statements about keys whose links and signatures are good."""

    statements: tuple[Told, ...] = field(default=())

    def trust(self) -> Trust:
        """Return all its keys as if they were believed: for who has pinned none, and is told so."""
        return Trust(tuple({each.key.keyid: each.key for each in self.statements}.values()))


def load(path: Path) -> Trust:
    """Read a trust file; Unreadable says what is wrong with it."""
    data = _content(path, "trust file")
    try:
        return parse(data)
    except ValueError as error:
        raise Unreadable(f"{path} is not a trust file: {error}. Fetch trust.json from the instance again.") from None


def load_keyring(path: Path) -> Keyring:
    """Read a keyring file; Unreadable says what is wrong with it."""
    data = _content(path, "keyring")
    try:
        return read_keyring(data)
    except ValueError as error:
        raise Unreadable(f"{path} is not a keyring: {error}. Fetch it from the instance again.") from None


def _content(path: Path, what: str) -> bytes:
    """Return the bytes of the file, one more than may be if there are."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"The {what} {path} can't be read: {error.strerror}. Check the path.") from None


def parse(data: bytes) -> Trust:
    """Return the trust in `data`; ValueError says what is wrong with it."""
    if len(data) > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES} bytes")
    try:
        document = json.loads(data)
        if document["schema_version"] != SCHEMA or len(document["keys"]) > _MAX_KEYS:
            raise ValueError(f"its schema_version is not {SCHEMA}, or it has too many keys")
        return Trust(tuple(_limited(entry) for entry in document["keys"]))
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{error!r:.80} is missing or of the wrong type") from None


def read_keyring(data: bytes) -> Keyring:
    """Return the keyring in `data`; ValueError unless every link and every signature is good."""
    if len(data) > _MAX_BYTES:
        raise ValueError(f"it has more than {_MAX_BYTES} bytes")
    try:
        document = encoding.decode(data)
        if document.keys() != {"schema_version", "instance", "statements"}:
            raise ValueError("it has fields that are not known, or lacks some")
        if document["schema_version"] != KEYRING_SCHEMA or len(document["statements"]) > _MAX_KEYS:
            raise ValueError(f"its schema_version is not {KEYRING_SCHEMA}, or it has too many statements")
        chain = _Chain(document["instance"])
        for envelope in document["statements"]:
            chain.admit(envelope)
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{error!r:.80} is missing or of the wrong type") from None
    return Keyring(tuple(chain.statements))


class _Chain:
    """The statements that were found good so far."""

    def __init__(self, instance: str) -> None:
        self.statements: Final = list[Told]()
        self._instance: Final = instance
        self._previous = ""
        self._keys: Final = dict[str, Key]()
        self._current: Final = dict[str, str]()
        self._revoked: Final = set[str]()

    def admit(self, envelope: Any) -> None:
        number = len(self.statements)
        where = f"statement {number + 1}"
        payload = from_base64(envelope["payload"])
        fields = encoding.decode(payload)
        place = (self._instance, number, self._previous)
        if fields.keys() != _FIELDS or (fields["instance"], fields["sequence"], fields["previous"]) != place:
            raise ValueError(f"{where} is not the next of the chain")
        if _INSTANT.fullmatch(fields["at"]) is None:
            raise ValueError(f"{where} has no time")
        told = Told(fields["action"], _key(fields["key"]), fields["by"])
        needed = self._vouchers(told)
        signatures = [from_base64(each["sig"]) for each in envelope["signatures"]]
        if envelope != _envelope(envelope["payload"], needed, envelope["signatures"]):
            raise ValueError(f"{where} is not signed by those who must sign it")
        message = pre_authentication(payload, _PAYLOAD_TYPE)
        if not all(signed(key.raw, message, each) for key, each in zip(needed, signatures, strict=True)):
            raise ValueError(f"a signature of {where} does not fit")
        self._note(told)
        self._previous = hashlib.sha256(payload).hexdigest()

    def _vouchers(self, told: Told) -> Sequence[Key]:
        new, current = told.key.keyid, self._current.get(told.key.purpose)
        if told.action == "made" and told.by == new and new not in self._keys:
            return (told.key,)
        if told.action == "rotated" and told.by == current and new not in self._keys:
            return (self._keys[told.by], told.key)
        known = self._keys.get(new) == told.key and new not in self._revoked
        if told.action == "revoked" and known and told.by == current and new != current:
            return (self._keys[told.by],)
        raise ValueError(f"{told.action!r:.20} can't be said of key {new} here")

    def _note(self, told: Told) -> None:
        self.statements.append(told)
        if told.action == "revoked":
            self._revoked.add(told.key.keyid)
        else:
            self._keys[told.key.keyid] = told.key
            self._current[told.key.purpose] = told.key.keyid


def _envelope(payload: str, keys: Sequence[Key], given: Sequence[Any]) -> Any:
    sigs = [each["sig"] for each in given]
    shown = [{"keyid": key.keyid, "sig": sig} for key, sig in zip(keys, sigs, strict=False)]
    return {"payload": payload, "payloadType": _PAYLOAD_TYPE, "signatures": shown}


def _key(entry: Any) -> Key:
    raw = from_base64(entry["public"])
    key = Key(entry["purpose"], raw)
    if entry["algorithm"] != "ed25519" or key.purpose not in _PURPOSES:
        raise ValueError("a key is not ed25519 for log or package")
    if len(raw) != KEY_BYTES or key.keyid != entry["keyid"]:
        raise ValueError("a keyid is not the SHA-256 of its key")
    return key


def _limited(entry: Any) -> Key:
    key, revoked = _key(entry), entry.get("revoked")
    if revoked is None:
        return key
    sizes = revoked.get("sizes", {})
    if not isinstance(sizes, dict) or not all(type(size) is int for size in sizes.values()):
        raise ValueError("the sizes of a revoked key are not counts")
    return replace(key, sizes=sizes)
