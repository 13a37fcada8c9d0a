"""
Trust: the public keys somebody decided to believe, and the check of a signature against them.

The file is JSON: {"schema_version": "lading.trust/1", "instance": "…", "keys": [{"keyid", "purpose", "algorithm":
"ed25519", "public": base64 of the 32 raw bytes}]}.  `keyid` is the SHA-256 of the raw bytes in hex.  A key is believed
for its purpose only: "log" signs heads of ledgers, "package" signs statements.  Needs `cryptography`, not the server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lading.errors import InvalidInput

Purpose: TypeAlias = Literal["log", "package"]
PURPOSES: Final[tuple[Purpose, ...]] = ("log", "package")
SCHEMA: Final = "lading.trust/1"
_MAX_BYTES: Final = 1 << 20
_MAX_KEYS: Final = 1000
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key that is believed for one purpose."""

    purpose: Purpose
    raw: bytes

    @property
    def keyid(self) -> str:
        """Return the name of the key: the SHA-256 of its raw bytes in hex."""
        return hashlib.sha256(self.raw).hexdigest()

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether `signature` over `message` was made with this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys of an instance, or of several put together."""

    instance: str
    all_keys: tuple[PublicKey, ...]

    @classmethod
    def load(cls, path: Path) -> Trust:
        """Read a trust file; InvalidInput says what is wrong with it."""
        try:
            with path.open("rb") as file:
                return cls.parse(file.read(_MAX_BYTES + 1))
        except OSError as error:
            raise InvalidInput(f"The trust file {path} can't be read: {error.strerror}. Check the path.") from error
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error.message}") from error

    @classmethod
    def parse(cls, data: bytes) -> Trust:
        """Return the trust that `data` holds; InvalidInput says what is wrong with it."""
        if len(data) > _MAX_BYTES:
            raise InvalidInput(f"A trust file has at most {_MAX_BYTES} bytes.")
        try:
            return _trust(json.loads(data))
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise InvalidInput(
                f"This is not a trust file: {error}. Fetch trust.json from the instance again."
            ) from error

    def keys(self, purpose: Purpose) -> tuple[PublicKey, ...]:
        """Return the keys believed for `purpose`."""
        return tuple(key for key in self.all_keys if key.purpose == purpose)

    def with_keys(self, more: Iterable[PublicKey]) -> Trust:
        """Return this trust with the keys of `more` that it lacks."""
        return Trust(self.instance, tuple(dict.fromkeys((*self.all_keys, *more))))

    def dump(self) -> bytes:
        """Return the trust file."""
        document = {
            "schema_version": SCHEMA,
            "instance": self.instance,
            "keys": [
                {
                    "keyid": key.keyid,
                    "purpose": key.purpose,
                    "algorithm": "ed25519",
                    "public": base64.b64encode(key.raw).decode(),
                }
                for key in self.all_keys
            ],
        }
        return json.dumps(document, indent=2).encode() + b"\n"


class Signing(Protocol):
    """What signs: `keys.Signer`, or a key that is kept elsewhere."""

    @property
    def public(self) -> PublicKey:
        """Return the key that verifies."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""
        ...


def _trust(document: Any) -> Trust:
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA:
        raise ValueError(f"schema_version is not {SCHEMA!r}")
    keys = document["keys"]
    if not isinstance(keys, list) or len(keys) > _MAX_KEYS:
        raise ValueError("keys is not a list, or too long")
    return Trust(str(document["instance"]), tuple(_key(entry) for entry in keys))


def _key(entry: Any) -> PublicKey:
    if entry["algorithm"] != "ed25519" or entry["purpose"] not in PURPOSES:
        raise ValueError("a key is not ed25519 for log or package")
    raw = unbase64(entry["public"])
    key = PublicKey(entry["purpose"], raw)
    if len(raw) != _KEY_BYTES or key.keyid != entry["keyid"]:
        raise ValueError("a keyid is not the SHA-256 of its key")
    return key


def unbase64(text: str) -> bytes:
    """Return the bytes of `text`; ValueError unless it is exactly what encoding them gives."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error
    if base64.b64encode(raw).decode() != text:  # unused bits of the last letter may hide a change
        raise ValueError("base64 with stray bits at its end")
    return raw
