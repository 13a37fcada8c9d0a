"""How much a package may hold: enforced when one is built, and before anything of a foreign one is believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """
    Bounds of a package; `document_bytes` is for manifest and statement, which are read whole.

    `names_bytes` is for all names of a package together.
    """

    entries: int = 50_000
    entry_bytes: int = 1 << 37
    total_bytes: int = 1 << 38
    document_bytes: int = 32 << 20
    names_bytes: int = 32 << 20
    ratio: int = 200
    ratio_from_bytes: int = 1 << 20


LIMITS: Final = Limits()


def is_bomb(size: int, stored_size: int, limits: Limits = LIMITS) -> bool:
    """
    Return whether a file grows more in unpacking than an honest one would.

    >>> is_bomb(10_000_000, 10_000), is_bomb(10_000_000, 1_000_000), is_bomb(1000, 1)
    (True, False, False)
    """
    return size > limits.ratio_from_bytes and size > stored_size * limits.ratio
