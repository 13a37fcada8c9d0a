"""
What an auditor remembers of a log, and whether what it says now continues that.  Pure but for the folder of its memory.

A log that shrank, or whose newest tree does not begin with the one that was seen, has been rewritten; no signature
excuses it.  With a key of the auditor's own, what was found consistent is cosigned (C2SP tlog-cosignature, v1).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from lading.errors import InvalidInput, PackageInvalid
from lading.ledger import heads, proofs
from lading.ledger.heads import Head
from lading_verify import notes

_EPOCH: Final = re.compile(r"/e([0-9]{1,9})\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9._:/-]{1,120}")


class Memory:
    """The last head of each log, as a file each."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder

    def last(self, origin: str) -> Head | None:
        """Return the head that was seen last; PackageInvalid if the memory can't be read."""
        path = self._file(origin)
        if not path.exists():
            return None
        head = heads.read(path.read_text("utf-8"))
        if head.origin != origin:
            raise PackageInvalid(f"{path} is of another log; move it away and say why.")
        return head

    def earlier(self, origin: str) -> Head | None:
        """Return the last head of an earlier epoch of a log, the latest there is."""
        return max(self._others(origin), key=lambda each: _epoch(each.origin), default=None)

    def require_same(self, role: str, origin: str) -> None:
        """Raise PackageInvalid if another log, or an earlier epoch of it, is shown than was followed in that role."""
        path, plain = self._folder / f"{role}.origin", _EPOCH.sub("", origin)
        if not path.exists():
            self._write(path, plain)
        elif (known := path.read_text("utf-8")) != plain:
            raise PackageInvalid(
                f"{plain} is shown where {known} was: what was seen is hidden behind another name. "
                "To watch another ledger, name a --state of its own."
            )
        newest = self.earlier(origin)
        if newest is not None and _epoch(newest.origin) > _epoch(origin):
            raise PackageInvalid(f"{origin} is shown again, and was given up for {newest.origin} before.")

    def _others(self, origin: str) -> list[Head]:
        plain = _EPOCH.sub("", origin)
        found = [heads.read(path.read_text("utf-8")) for path in sorted(self._folder.glob("*.checkpoint"))]
        return [each for each in found if _EPOCH.sub("", each.origin) == plain and each.origin != origin]

    def keep(self, origin: str, note: str) -> Path:
        """Remember a head."""
        path = self._file(origin)
        self._write(path, note)
        return path

    def _write(self, path: Path, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(text, "utf-8")
        part.replace(path)

    def _file(self, origin: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9.-]", "_", origin)[:80]
        return self._folder / f"{readable}.{hashlib.sha256(origin.encode()).hexdigest()[:8]}.checkpoint"


def _epoch(origin: str) -> int:
    found = _EPOCH.search(origin)
    return 1 if found is None else int(found[1])


def require_continued(last: Head, now: Head, prove: Callable[[int, int], Sequence[bytes]]) -> None:
    """Raise PackageInvalid unless the log at `now` begins with what was seen; `prove` fetches the path."""
    if now.size < last.size:
        raise PackageInvalid(
            f"{now.origin} was rolled back: {last.size} entries were signed and seen, now it has {now.size}."
        )
    if now.size == last.size:
        if now.root != last.root:
            raise PackageInvalid(f"{now.origin} was forked: two different trees of {now.size} entries were signed.")
        return
    path = prove(last.size, now.size)
    try:
        proofs.require_consistent(last.size, last.root, now.size, now.root, path)
    except ValueError as error:
        raise PackageInvalid(
            f"{now.origin} was forked: its {now.size} entries do not begin with the {last.size} that were seen."
        ) from error


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's own key and name."""

    name: str
    _key: Ed25519PrivateKey

    @classmethod
    def load(cls, path: Path, name: str) -> Cosigner:
        """Return the cosigner with the Ed25519 key in a PEM file; InvalidInput says what is wrong with it."""
        if not _NAME.fullmatch(name):
            raise InvalidInput.field("--name", "is no name for a witness; use letters, digits, dots and hyphens.")
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInput.field(
                "--cosign", f"{path} has no key that can be read. Make one: openssl genpkey -algorithm ed25519"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidInput.field("--cosign", f"{path} is no Ed25519 key.")
        return cls(name, key)

    @property
    def public(self) -> bytes:
        """Return the raw public key."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def verifier_key(self) -> str:
        """Return the C2SP verifier key by which others know the witness."""
        return notes.verifier_key(self.name, self.public, notes.COSIGNATURE)

    def cosigned(self, note: str, *, at: int) -> str:
        """Return the note with the statement that its head was seen, and nothing before it contradicted, at `at`."""
        text = heads.signed_text(heads.read(note))
        signature = self._key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        blob = notes.key_hash(self.name, self.public, notes.COSIGNATURE) + at.to_bytes(8, "big") + signature
        return f"{note}— {self.name} {base64.b64encode(blob).decode()}\n"
