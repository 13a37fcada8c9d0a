"""Ed25519 keys as bytes: what a signature is checked with, and the protocol of what signs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

Sign: TypeAlias = Callable[[bytes], bytes]
"""Returns the Ed25519 signature over a message; what holds the secret key is the caller's."""


def keyid(raw: bytes) -> str:
    """Return the name of a public key: the SHA-256 of its 32 raw bytes in hex."""
    return hashlib.sha256(raw).hexdigest()


def signed(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` over `message` was made with the key whose public half is `raw`."""
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
