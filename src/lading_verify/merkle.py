"""
The Merkle tree of RFC 6962 (the same hashes as RFC 9162), as an auditor needs it.

A tree is known by its frontier: the roots of its perfect subtrees from left to right, 32 bytes for each bit set in its
size.  Leaves are hashed with 0x00 before them, nodes with 0x01: neither passes for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
_sha256: Final = hashlib.sha256


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf."""
    return _sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above `left` and `right`."""
    return _sha256(b"\x01" + left + right).digest()


class Tree:
    """
    A tree that grows: what is known of its first `size` leaves is `hashes`, the largest perfect subtree first.

    >>> tree = Tree()
    >>> tree.extend([b"a", b"b", b"c"])
    >>> tree.size, len(tree.hashes)
    (3, 2)
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count() or any(len(each) != HASH_BYTES for each in hashes):
            raise ValueError(f"a tree of {size} leaves has {max(size, 0).bit_count()} perfect subtrees of 32 bytes")
        self.size = size
        self.hashes = list(hashes)

    def extend(self, lines: Iterable[bytes]) -> None:
        """Append `lines` as leaves."""
        size, hashes, sha256 = self.size, self.hashes, _sha256
        for line in lines:
            node, above = sha256(b"\x00" + line).digest(), size
            while above & 1:
                node, above = sha256(b"\x01" + hashes.pop() + node).digest(), above >> 1
            hashes.append(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """Return the root hash."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """
    Return the root that a leaf's hash has by its path, as RFC 9162 §2.1.3.2; ValueError if it can't be a path.

    >>> tree = Tree()
    >>> tree.extend([b"a", b"b"])
    >>> root_of_path(leaf_hash(b"b"), 1, 2, [leaf_hash(b"a")]) == tree.root()
    True
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none at {index}")
    place, last, node = index, size - 1, leaf
    for each in path:
        if last == 0:
            raise ValueError("the path is too long")
        if place & 1 or place == last:
            node = node_hash(each, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, each)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return node
