"""
Signed notes: checkpoints of a log (C2SP tlog-checkpoint), proofs of one entry (tlog-proof) and cosignatures.

Three lines (origin, size, root in base64), an empty one, and a signature line per key.  A key's name is the origin.
Signatures of keys that are not known are passed over, as the format asks: a witness may have added its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lading_verify.encoding import from_base64, to_base64
from lading_verify.keys import SIGNATURE_BYTES, Sign, signed
from lading_verify.merkle import HASH_BYTES

ED25519: Final = b"\x01"
COSIGNATURE: Final = b"\x04"
_PROOF: Final = "c2sp.org/tlog-proof@v1"
_MAX_BYTES: Final = 100_000
_MAX_SIGNATURES: Final = 64
_MAX_PATH: Final = 64
_ORIGIN: Final = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_NAME: Final = re.compile(r"[!-*,-~]{1,200}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Head:
    """The size and root of a log, as a checkpoint says them."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return what is signed."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signatures, none of them checked: name, four bytes that hint at a key, the signature."""

    head: Head
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def signer(self, keys: Iterable[bytes], name: str | None = None) -> bytes | None:
        """Return the first of `keys` that signed under `name` (else the origin), None if none did."""
        who = self.head.origin if name is None else name
        for key in keys:
            hint = key_hash(who, key)
            for signer, hinted, signature in self.signatures:
                if (signer, hinted) == (who, hint) and signed(key, self.head.text.encode(), signature):
                    return key
        return None

    def cosigned_at(self, name: str, key: bytes) -> int | None:
        """Return when the witness `name` with that key says it saw this head, in seconds since 1970."""
        hint = key_hash(name, key, COSIGNATURE)
        for signer, hinted, blob in self.signatures:
            if (signer, hinted) == (name, hint) and len(blob) == 8 + SIGNATURE_BYTES:
                at = int.from_bytes(blob[:8], "big")
                if signed(key, f"cosignature/v1\ntime {at}\n{self.head.text}".encode(), blob[8:]):
                    return at
        return None


@dataclass(frozen=True, slots=True)
class Proof:
    """That the leaf at `index` is in the log whose checkpoint is `note`."""

    index: int
    path: tuple[bytes, ...]
    note: Note


def sign(head: Head, *, public: bytes, sign: Sign) -> str:
    """Return the note of a head with one signature."""
    blob = key_hash(head.origin, public) + sign(head.text.encode())
    return f"{head.text}\n— {head.origin} {to_base64(blob)}\n"


def read(data: bytes) -> Note:
    """Return the checkpoint in `data`, no signature checked; ValueError if it is none."""
    if len(data) > _MAX_BYTES:
        raise ValueError("it is longer than a signed note")
    text, gap, signatures = data.decode("utf-8").partition("\n\n")
    lines = signatures.split("\n")
    if not gap or lines.pop() != "" or not 0 < len(lines) <= _MAX_SIGNATURES:
        raise ValueError("it is not a signed note: text, an empty line, signature lines")
    parts = text.split("\n")
    if len(parts) != 3 or not _ORIGIN.fullmatch(parts[0]) or not _SIZE.fullmatch(parts[1]):
        raise ValueError("it is not a checkpoint: origin, size, root")
    root = from_base64(parts[2])
    if len(root) != HASH_BYTES:
        raise ValueError(f"its root has {len(root)} bytes instead of {HASH_BYTES}")
    return Note(Head(parts[0], int(parts[1]), root), tuple(map(_signature, lines)))


def write_proof(index: int, path: Sequence[bytes], note: bytes) -> bytes:
    """Return a tlog-proof: the path of the leaf at `index`, and the checkpoint it leads to."""
    lines = [_PROOF, f"index {index}", *map(to_base64, path), ""]
    return "\n".join(lines).encode() + b"\n" + note


def read_proof(data: bytes) -> Proof:
    """Return the tlog-proof in `data`; ValueError if it is none."""
    if len(data) > _MAX_BYTES:
        raise ValueError("it is longer than a proof")
    top, gap, note = data.partition(b"\n\n")
    lines = top.decode("ascii").split("\n")
    if not gap or len(lines) < 2 or lines[0] != _PROOF or len(lines) > 2 + _MAX_PATH:
        raise ValueError("it is not a tlog-proof: index, path, checkpoint")
    word, _, number = lines[1].partition(" ")
    if word != "index" or not _SIZE.fullmatch(number):
        raise ValueError("its index is not a number")
    path = tuple(map(from_base64, lines[2:]))
    if any(len(each) != HASH_BYTES for each in path):
        raise ValueError("a hash of its path is not one")
    return Proof(int(number), path, read(note))


def key_hash(name: str, raw: bytes, kind: bytes = ED25519) -> bytes:
    """Return the four bytes by which a signature line hints at its key."""
    return hashlib.sha256(name.encode() + b"\n" + kind + raw).digest()[:4]


def verifier_key(name: str, raw: bytes, kind: bytes = ED25519) -> str:
    """Return the key as other tools take it: `name+hash+key`."""
    return f"{name}+{key_hash(name, raw, kind).hex()}+{to_base64(kind + raw)}"


def read_verifier_key(text: str, kind: bytes) -> tuple[str, bytes]:
    """Return name and raw key of a verifier key of that kind; ValueError if it is none."""
    name, _, rest = text.partition("+")
    raw = from_base64(rest.partition("+")[2])[1:]
    if not _NAME.fullmatch(name) or len(raw) != 32 or verifier_key(name, raw, kind) != text:
        raise ValueError("it is not a verifier key: name+hash+key")
    return name, raw


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    blob = from_base64(encoded)
    if dash != "—" or not _NAME.fullmatch(name) or len(blob) < 5:  # 4 bytes of key hash, then the signature
        raise ValueError("a signature line of it can't be read")
    return name, blob[:4], blob[4:]
