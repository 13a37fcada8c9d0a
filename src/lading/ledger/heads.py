"""
Signed heads: size and root of a tree as a C2SP checkpoint, a note that tools other than ours can check.

Three lines (origin, size, root in base64), an empty one, and a signature line per key.  The key's name in the note is
the origin, so one instance key serves every tenant's log.  No time is in the note: a clock proves nothing.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

from lading.errors import PackageInvalid
from lading.ledger.trust import PublicKey, Signing, Trust
from lading_verify.encoding import from_base64
from lading_verify.merkle import HASH_BYTES
from lading_verify.notes import ED25519, key_hash

_MAX_NOTE: Final = 100_000
_MAX_SIGNATURES: Final = 64
_ORIGIN: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Head:
    """The size and root of a log; `keyid` names the trusted key that signed, None if none was asked for."""

    origin: str
    size: int
    root: bytes
    keyid: str | None = None


def sign(origin: str, size: int, root: bytes, key: Signing) -> str:
    """Return the note of the log `origin` at `size`, signed by every key that signs now, old and new."""
    text = signed_text(Head(origin, size, root))
    _read(text)
    lines = [
        f"— {origin} {base64.b64encode(key_hash(origin, one.public.raw) + one.sign(text.encode())).decode()}\n"
        for one in key.signers()
    ]
    return f"{text}\n{''.join(lines)}"


def read(note: str) -> Head:
    """Return what a note claims, with no signature checked; PackageInvalid if it is not a note."""
    text, _ = _split(note)
    return _read(text)


def verify(note: str, trust: Trust) -> Head:
    """
    Return the head that a trusted log key signed; PackageInvalid if none did.

    Signatures of unknown keys are passed over, as the format asks: a witness may have added its own.  A key that was
    revoked is believed for heads up to the size that was trusted then, and for none after.
    """
    text, lines = _split(note)
    claimed = _read(text)
    for key in trust.log_keys(claimed.origin, claimed.size):
        if _signed_by(key, claimed.origin, text, lines):
            return Head(claimed.origin, claimed.size, claimed.root, key.keyid)
    where = f"The signed head of {claimed.origin} at {claimed.size} entries"
    for key in trust.all_keys:
        revoked = trust.revoked(key)
        if key.purpose == "log" and revoked is not None and _signed_by(key, claimed.origin, text, lines):
            last = revoked.sizes.get(claimed.origin)
            trusted = "none" if last is None else f"its first {last}"
            raise PackageInvalid(
                f"{where} was signed by key {key.keyid}, which was revoked at {revoked.at}: {trusted} can be believed. "
                "Get a newer head, and compare the entries with it."
            )
    raise PackageInvalid(f"{where} was not signed by a key of the trust file.")


def _signed_by(key: PublicKey, origin: str, text: str, lines: list[tuple[str, bytes]]) -> bool:
    expected = key_hash(origin, key.raw)
    return any(name == origin and blob[:4] == expected and key.signed(text.encode(), blob[4:]) for name, blob in lines)


def verifier_key(origin: str, key: PublicKey) -> str:
    """Return the C2SP verifier key (`name+hash+key`) that other tools take for the log `origin`."""
    hashed = key_hash(origin, key.raw).hex()
    return f"{origin}+{hashed}+{base64.b64encode(ED25519 + key.raw).decode()}"


def signed_text(head: Head) -> str:
    """Return what the signatures of a head sign."""
    return f"{head.origin}\n{head.size}\n{base64.b64encode(head.root).decode()}\n"


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, gap, signatures = note.partition("\n\n")
    lines = signatures.split("\n")
    if not gap or len(note) > _MAX_NOTE or lines.pop() != "" or not 0 < len(lines) <= _MAX_SIGNATURES:
        raise PackageInvalid("The signed head is not a signed note: text, an empty line, signature lines.")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    try:
        dash, name, encoded = line.split(" ")
        blob = from_base64(encoded)
    except ValueError as error:
        raise PackageInvalid(f"A signature line of the signed head can't be read: {error}.") from error
    if dash != "—" or not name or len(blob) < 5:  # 4 bytes of key hash, then the signature
        raise PackageInvalid("A signature line of the signed head can't be read.")
    return name, blob


def _read(text: str) -> Head:
    parts = text.split("\n")
    if len(parts) != 4 or not _ORIGIN.fullmatch(parts[0]) or not _SIZE.fullmatch(parts[1]):
        raise PackageInvalid("The signed head is not a checkpoint: origin, size, root.")
    try:
        root = from_base64(parts[2])
    except ValueError as error:
        raise PackageInvalid(f"The root in the signed head can't be read: {error}.") from error
    if len(root) != HASH_BYTES:
        raise PackageInvalid(f"The root in the signed head has {len(root)} bytes instead of {HASH_BYTES}.")
    return Head(parts[0], int(parts[1]), root)
