"""
API tokens: `ldg_<id>_<secret>_<checksum>`.

The id finds the key, the secret (256 random bits) proves it, the checksum lets scanners and people tell a whole token
from a cut one without asking anybody.  Only the SHA-256 of the secret is stored: a slow hash guards guessable secrets,
and this one is not.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from lading import ids
from lading.errors import NotFound, Unauthenticated

_SHAPE: Final = re.compile(r"ldg_([0-9a-z]{26})_([A-Za-z0-9_-]{43})_([0-9a-f]{8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart; the secret is never shown by `repr`."""

    key_id: UUID
    secret: str = field(repr=False)

    @property
    def digest(self) -> bytes:
        """Return what is stored of the secret."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, digest: bytes) -> bool:
        """Tell, in constant time, whether this is the token whose digest was stored."""
        return hmac.compare_digest(self.digest, digest)

    def reveal(self) -> str:
        """Return the text for its holder; it is shown once."""
        body = f"{ids.show('ldg', self.key_id)}_{self.secret}"
        return f"{body}_{_checksum(body)}"


def fresh(key_id: UUID) -> Token:
    """Return a new random token for `key_id`."""
    return Token(key_id, secrets.token_urlsafe(32))


def parse(text: str) -> Token:
    """Return the token of `text`; Unauthenticated when it can't be one, without repeating it."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or _checksum(text[:-9]) != shape[3]:
        raise Unauthenticated("This is not a whole Lading token (ldg_…); copy it again, or ask for a new one.")
    try:
        key_id = ids.parse("ldg", f"ldg_{shape[1]}")
    except NotFound:
        raise Unauthenticated("This token names no key; ask for a new one.") from None
    return Token(key_id, shape[2])


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
