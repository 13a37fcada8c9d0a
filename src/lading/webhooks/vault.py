"""
Secrets of webhooks, sealed: the database holds nothing that signs.

AES-256-GCM with one key file of the instance, beside the signing keys, and the webhook's id as what it is bound to: a
sealed secret that was moved to another row does not open.  Losing the file means rotating every secret.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lading.errors import EnvironmentUnfit
from lading.ledger import key_files

_FILE: Final = "webhooks.key"
_NONCE: Final = 12


class Vault:
    """Seals and opens secrets."""

    def __init__(self, keys_dir: Path) -> None:
        self._path: Final = keys_dir / _FILE
        self._cipher: AESGCM | None = None

    def seal(self, secret: bytes, tenant: UUID, webhook: UUID) -> bytes:
        """Return the secret as it may be stored with this webhook."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._key().encrypt(nonce, secret, tenant.bytes + webhook.bytes)

    def open(self, sealed: bytes, tenant: UUID, webhook: UUID) -> bytes:
        """Return the secret; EnvironmentUnfit when it was sealed with another key or for another webhook."""
        try:
            return self._key().decrypt(sealed[:_NONCE], sealed[_NONCE:], tenant.bytes + webhook.bytes)
        except InvalidTag:
            raise EnvironmentUnfit(
                f"A webhook's secret does not open with {self._path}; "
                "restore that file, or rotate the secret with no overlap."
            ) from None

    def _key(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(key_files.secret(self._path, called="key of webhooks"))
        return self._cipher
