"""
Which hashes prove something about a tree: pure.

A span is the leaves from one place to before another.  RFC 6962 says which spans a proof consists of, from the leaf
upwards; each is made of perfect subtrees, and each of those lies in one tile of height 8 (C2SP tlog-tiles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lading.ledger.merkle import TILE_HEIGHT
from lading_verify.merkle import node_hash

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slice:
    """`count` hashes of a level of tiles, from the `first` on, all in one tile; the root over them is a node."""

    level: int
    first: int
    count: int


def inclusion(index: int, size: int) -> list[Span]:
    """
    Return the spans whose roots lead from the leaf `index` to the root of `size` leaves.

    >>> inclusion(2, 5)
    [(3, 4), (0, 2), (4, 5)]
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none at {index}")
    first, end = 0, size
    found: list[Span] = []
    while end - first > 1:
        middle = first + _half(end - first)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def consistency(old: int, new: int) -> list[Span]:
    """
    Return the spans whose roots prove that `old` leaves are the beginning of `new`; none where that is plain.

    >>> consistency(3, 7)
    [(2, 3), (3, 4), (0, 2), (4, 7)]
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is not the beginning of one of {new}")
    if old in {0, new}:
        return []
    first, end, is_whole = 0, new, True
    found: list[Span] = []
    while old != end:
        middle = first + _half(end - first)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first, is_whole = middle, False
    if not is_whole:
        found.append((first, end))
    return found[::-1]


def perfect(span: Span) -> list[Slice]:
    """
    Return the perfect subtrees that make a span, the largest first.

    >>> perfect((4, 7))
    [Slice(level=0, first=4, count=2), Slice(level=0, first=6, count=1)]
    """
    first, end = span
    found: list[Slice] = []
    while first < end:
        height = (end - first).bit_length() - 1
        level, above = divmod(height, TILE_HEIGHT)
        found.append(Slice(level, first >> (level * TILE_HEIGHT), 1 << above))
        first += 1 << height
    return found


def joined(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the perfect subtrees of a span."""
    *rest, root = hashes
    for left in reversed(rest):
        root = node_hash(left, root)
    return root


def _half(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
