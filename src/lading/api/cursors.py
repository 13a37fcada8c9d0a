"""
Opaque places in a list, bound to the list's filters.

A cursor of another list, or of the same one with other filters, is refused: it would skip rows in silence.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from uuid import UUID

from lading import canonical, ids
from lading.canonical import Json
from lading.errors import InvalidInput, NotFound


def show(last: UUID, prefix: str, filters: Sequence[Json]) -> str:
    """Return the place after `last`."""
    text = json.dumps([ids.show(prefix, last), _digest(filters)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse(text: str | None, prefix: str, filters: Sequence[Json]) -> UUID | None:
    """
    Return the id after which the page begins, None for the first page.

    >>> place = show(UUID(int=7), "job", ["export"])
    >>> parse(place, "job", ["export"])
    UUID('00000000-0000-0000-0000-000000000007')
    >>> parse(place, "job", [None])
    Traceback (most recent call last):
    lading.errors.InvalidInput: cursor: belongs to a list with other filters; start again without it.
    """
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        last, digest = json.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True))
        identifier = ids.parse(prefix, str(last))
    except (ValueError, TypeError, UnicodeError, RecursionError, binascii.Error, NotFound):
        raise InvalidInput.field("cursor", "is not a cursor of this list; start again without it.") from None
    if digest != _digest(filters):
        raise InvalidInput.field("cursor", "belongs to a list with other filters; start again without it.")
    return identifier


def show_words(last: Sequence[str], filters: Sequence[Json]) -> str:
    """Return the place after `last`, in a list that is sorted by several words or by one that is no id."""
    text = json.dumps([*last, _digest(filters)], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_words(text: str | None, count: int, filters: Sequence[Json]) -> Sequence[str] | None:
    """
    Return the `count` words after which the page begins, None for the first page.

    >>> parse_words(show_words(["exp_1", "å.zip"], []), 2, [])
    ['exp_1', 'å.zip']
    """
    if text is None:
        return None
    *last, digest = _words(text)
    if len(last) != count:
        raise _foreign()
    if digest != _digest(filters):
        raise InvalidInput.field("cursor", "belongs to a list with other filters; start again without it.")
    return last


def identifier(word: str, prefix: str) -> UUID:
    """Return the id that a word of a cursor is."""
    try:
        return ids.parse(prefix, word)
    except NotFound:
        raise _foreign() from None


def _words(text: str) -> Sequence[str]:
    padded = text + "=" * (-len(text) % 4)
    try:
        words = json.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True))
        is_text = isinstance(words, list) and bool(words) and b"\0" not in "".join(words).encode()
    except (ValueError, TypeError, UnicodeError, RecursionError, binascii.Error):
        raise _foreign() from None
    if not is_text:
        raise _foreign()
    return words


def _foreign() -> InvalidInput:
    return InvalidInput.field("cursor", "is not a cursor of this list; start again without it.")


def _digest(filters: Sequence[Json]) -> str:
    return hashlib.sha256(canonical.encode(list(filters))).hexdigest()[:16]
