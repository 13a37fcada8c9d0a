"""
The Merkle tree of RFC 6962 (the same hashes as RFC 9162), as it grows and is cut into tiles; pure.

A tree grows through its `Frontier`, the roots of its perfect subtrees from left to right: 32 bytes for each bit set in
its size, whatever the size.  Leaves are hashed with 0x00 before them, nodes with 0x01: neither passes for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from lading_verify.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT


@dataclass(frozen=True, slots=True)
class Full:
    """A tile of `TILE_WIDTH` hashes at a level of tiles, from the left the `n`-th, and the root over it."""

    level: int
    n: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """
    A tree of `size` leaves, as far as it must be known to grow: its perfect subtrees, the largest first.

    >>> Frontier().extended([b"a", b"b", b"c"]).size
    3
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves does not have {len(self.hashes)} perfect subtrees")

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Return the frontier that `pack` wrote for a tree of `size` leaves."""
        if len(packed) % HASH_BYTES:
            raise ValueError(f"{len(packed)} bytes are no whole number of hashes")
        return cls(size, tuple(split(packed)))

    def pack(self) -> bytes:
        """Return the hashes one after the other."""
        return b"".join(self.hashes)

    def extended(self, lines: Iterable[bytes]) -> Frontier:
        """Return the frontier with `lines` appended as leaves."""
        return self.grown(map(leaf_hash, lines))[0]

    def grown(self, leaves: Iterable[bytes]) -> tuple[Frontier, list[Full]]:
        """Return the frontier with leaves of these hashes appended, and the tiles that became full, in order."""
        size, hashes = self.size, list(self.hashes)
        full: list[Full] = []
        sha256 = hashlib.sha256
        for leaf in leaves:
            node, above, height = leaf, size, 0
            while above & 1:
                node, above, height = sha256(b"\x01" + hashes.pop() + node).digest(), above >> 1, height + 1
                if height % TILE_HEIGHT == 0:
                    full.append(Full(height // TILE_HEIGHT - 1, size >> height, node))
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes)), full

    def root(self) -> bytes:
        """Return the root hash of the tree."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def root_of(lines: Iterable[bytes]) -> bytes:
    """Return the root hash of the tree whose leaves are `lines`."""
    return Frontier().extended(lines).root()


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of a perfect subtree, which are 1, 2, 4, 8, … in number."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def split(packed: bytes) -> list[bytes]:
    """Return the hashes that `packed` holds one after the other."""
    return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]
