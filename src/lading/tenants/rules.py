"""What a tenant and a key may be called, and how long a key may live.  Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from lading.errors import InvalidInput

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}", re.ASCII)
_LONGEST_NAME: Final = 200


def admit_tenant(slug: str, *, name: str) -> None:
    """Raise InvalidInput naming the field that can't be."""
    if _SLUG.fullmatch(slug) is None:
        raise InvalidInput.field("slug", "use 2 to 63 of a-z, 0-9 and -, beginning with a letter or digit.")
    _admit_name(name)


def admit_key(name: str, *, expires_at: datetime | None, now: datetime) -> None:
    """Raise InvalidInput naming the field that can't be."""
    _admit_name(name)
    if expires_at is not None and expires_at <= now:
        raise InvalidInput.field("expires_at", "is in the past; give a later instant or leave it out.")


def is_slug(text: str) -> bool:
    """
    Tell whether a tenant could be called that.

    >>> is_slug("nordlys"), is_slug("../etc")
    (True, False)
    """
    return _SLUG.fullmatch(text) is not None


def _admit_name(name: str) -> None:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidInput.field("name", f"use 1 to {_LONGEST_NAME} printable characters.")
