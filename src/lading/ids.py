"""
Identifiers: UUIDv7 (RFC 9562) inside, `prefix_` + Crockford base32 outside.

Made by whoever creates the thing, so that a commit whose outcome is unknown can be reconciled by its id.
Sortable by creation time; carry no meaning beyond that.
"""

from __future__ import annotations

import secrets
import time
from typing import Final
from uuid import UUID

from lading.errors import NotFound

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
_PAIRS: Final = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_LENGTH: Final = 26
_LOW_50: Final = (1 << 50) - 1

BATCH: Final = "bat"
EXPORT: Final = "exp"
HANDOUT: Final = "hnd"
HOLD: Final = "hld"
JOB: Final = "job"
KEY: Final = "key"
LEASE: Final = "lse"
MEMBER: Final = "mem"
MESSAGE: Final = "msg"
LINK: Final = "lnk"
PAUSE: Final = "pau"
REQUEST: Final = "req"
RUN: Final = "run"
SCHEDULE: Final = "sch"
TENANT: Final = "ten"
WEBHOOK: Final = "whk"


def new() -> UUID:
    """Return a fresh UUIDv7."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def seconds_of(identifier: UUID) -> float:
    """
    Return when a UUIDv7 was made, as seconds since 1970.

    >>> seconds_of(UUID("01890a5d-ac96-7000-8000-000000000000"))
    1688096058.518
    """
    return (identifier.int >> 80) / 1000


def show(prefix: str, identifier: UUID) -> str:
    """
    Return the outer form.

    >>> show("exp", UUID(int=31))
    'exp_0000000000000000000000000z'
    """
    return show_number(prefix, identifier.int)


def show_number(prefix: str, value: int) -> str:
    """Return the outer form of the id of that number."""
    # Two letters at a time, of numbers that fit a machine word: a busy worker shows a hundred thousand ids a second.
    two = _PAIRS
    high, mid, low = value >> 100, value >> 50 & _LOW_50, value & _LOW_50
    return (
        f"{prefix}_{two[high >> 20]}{two[high >> 10 & 1023]}{two[high & 1023]}"
        f"{two[mid >> 40]}{two[mid >> 30 & 1023]}{two[mid >> 20 & 1023]}{two[mid >> 10 & 1023]}{two[mid & 1023]}"
        f"{two[low >> 40]}{two[low >> 30 & 1023]}{two[low >> 20 & 1023]}{two[low >> 10 & 1023]}{two[low & 1023]}"
    )


def parse(prefix: str, text: str) -> UUID:
    """Return the inner form; an outer form that is not one names nothing: NotFound."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != _LENGTH or any(letter not in _VALUES for letter in tail):
        raise NotFound(f"{text[:60]!r} is not an id of the form {prefix}_…; list the existing ones to find it.")
    value = 0
    for letter in tail:
        value = value << 5 | _VALUES[letter]
    if value >> 128:
        raise NotFound(f"{text[:60]!r} is not an id of the form {prefix}_…; list the existing ones to find it.")
    return UUID(int=value)
