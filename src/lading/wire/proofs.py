"""
JSON shapes of proofs about the ledger in API v1; hashes are in hex.

Sizes count the leaves of a tree, as signed heads do.  An index is the place of an entry in the tenant's ledger; in the
first epoch that is its leaf.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inclusion:
    """
    The path of RFC 6962 from a leaf to the root of `size` leaves, from the leaf upwards.

    `note` is the signed head at that size, null where none was signed at exactly that size.
    """

    origin: str
    epoch: int
    index: int
    leaf: int
    size: int
    leaf_sha256: str
    path: list[str]
    note: str | None


@dataclass(frozen=True, slots=True)
class Consistency:
    """The proof of RFC 6962 that the tree at `old_size` leaves is the beginning of the one at `size`."""

    origin: str
    epoch: int
    old_size: int
    size: int
    path: list[str]


@dataclass(frozen=True, slots=True)
class FrontierHashes:
    """The roots of the perfect subtrees of the first `size` leaves, the largest first."""

    origin: str
    epoch: int
    size: int
    hashes: list[str]


@dataclass(frozen=True, slots=True)
class InstanceHead:
    """The newest signed head of the instance's log; `note` is the C2SP checkpoint, byte for byte."""

    origin: str
    size: int
    root_sha256: str
    note: str
    signed_at: str
