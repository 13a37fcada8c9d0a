"""
Secrets of webhooks, sealed: the database holds nothing that signs.

AES-256-GCM with one key file of the instance, beside the signing keys, and the webhook's id as what it is bound to: a
sealed secret that was moved to another row does not open.  Losing the file means rotating every secret.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lading.errors import EnvironmentUnfit

_FILE: Final = "webhooks.key"
_BYTES: Final = 32
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
            self._cipher = AESGCM(_load_or_create(self._path))
        return self._cipher


def _load_or_create(path: Path) -> bytes:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        key = path.read_bytes()
    except OSError as error:
        raise EnvironmentUnfit(f"The key of webhooks {path} can't be read or made: {error.strerror}.") from error
    if len(key) != _BYTES:
        raise EnvironmentUnfit(f"The key of webhooks {path} is damaged; restore it from your backup.")
    return key


def _create(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(temporary)  # refuses to replace: the first of many processes wins
    temporary.unlink()
