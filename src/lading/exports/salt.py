"""
The salt of a tenant's pseudonyms: secret, its own per tenant, the same for every export.

Derived by HMAC-SHA256 from one secret file of the instance, so that equal people get equal pseudonyms in one tenant's
reports and unrelated ones in another's.  Losing the file changes all later pseudonyms; back it up with the keys.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

from lading.errors import EnvironmentUnfit

_FILE: Final = "masking.key"
_BYTES: Final = 32


def load_or_create(keys_dir: Path) -> Callable[[UUID], bytes]:
    """Return the function that gives a tenant's salt (32 bytes); safe when many processes start at once."""
    path = keys_dir / _FILE
    try:
        keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        secret = path.read_bytes()
    except OSError as error:
        raise EnvironmentUnfit(f"The masking key {path} can't be read or made: {error.strerror}.") from error
    if len(secret) != _BYTES:
        raise EnvironmentUnfit(f"The masking key {path} is damaged; restore it from your backup.")
    return lambda tenant: hmac.digest(secret, b"lading masking/1\0" + tenant.bytes, "sha256")


def _create(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(temporary)  # refuses to replace: the first of many processes wins
    temporary.unlink()
