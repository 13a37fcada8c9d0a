"""
The salt of a tenant's pseudonyms: secret, its own per tenant, the same for every export.

Derived by HMAC-SHA256 from one secret file of the instance, so that equal people get equal pseudonyms in one tenant's
reports and unrelated ones in another's.  Losing the file changes all later pseudonyms; back it up with the keys.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import UUID

from lading.ledger import key_files

_FILE: Final = "masking.key"


def load_or_create(keys_dir: Path) -> Callable[[UUID], bytes]:
    """Return the function that gives a tenant's salt (32 bytes); safe when many processes start at once."""
    secret = key_files.secret(keys_dir / _FILE, called="masking key")
    return lambda tenant: hmac.digest(secret, b"lading masking/1\0" + tenant.bytes, "sha256")
