"""
Proofs of RFC 6962: found for some leaves in one pass over all leaf hashes, and checked.

Memory holds the frontier and the paths of the wanted leaves, whatever the size of the tree.  Pure.  The other half, for
who has one leaf, its path and a signed head, is `lading_verify.merkle.root_of_path`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lading_verify.merkle import EMPTY_ROOT, node_hash


class Prover:
    """
    Takes the leaf hashes of a tree in order and proves those at the `wanted` indexes.

    >>> from lading_verify.merkle import Tree, leaf_hash, root_of_path
    >>> prover, tree = Prover([1]), Tree()
    >>> prover.add(map(leaf_hash, [b"a", b"b", b"c"]))
    >>> tree.extend([b"a", b"b", b"c"])
    >>> root_of_path(leaf_hash(b"b"), 1, 3, prover.finish()[1][1]) == tree.root()
    True
    """

    def __init__(self, wanted: Iterable[int]) -> None:
        self._paths: dict[int, list[bytes]] = {index: [] for index in wanted}
        self._stack: list[tuple[bytes, list[int]]] = []
        self.size = 0

    def add(self, leaves: Iterable[bytes]) -> None:
        """Take the hashes of the next leaves."""
        for leaf in leaves:
            node = (leaf, [self.size] if self.size in self._paths else [])
            above = self.size
            while above & 1:
                node, above = self._joined(self._stack.pop(), node), above >> 1
            self._stack.append(node)
            self.size += 1

    def finish(self) -> tuple[bytes, dict[int, list[bytes]]]:
        """Return the root of the tree and the path of each wanted leaf, from the leaf upwards; call it once."""
        if not self._stack:
            return EMPTY_ROOT, {}
        node = self._stack.pop()
        while self._stack:
            node = self._joined(self._stack.pop(), node)
        return node[0], {index: path for index, path in self._paths.items() if index < self.size}

    def _joined(self, left: tuple[bytes, list[int]], right: tuple[bytes, list[int]]) -> tuple[bytes, list[int]]:
        for index in left[1]:
            self._paths[index].append(right[0])
        for index in right[1]:
            self._paths[index].append(left[0])
        return node_hash(left[0], right[0]), left[1] + right[1]


def require_consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise ValueError unless the path proves that the old tree is the beginning of the new, as RFC 9162 §2.1.4.2."""
    wrong = ValueError(f"the tree of {old} leaves is not the beginning of the one of {new}")
    if not 0 <= old <= new:
        raise wrong
    if old in {0, new}:
        if path or old_root != (EMPTY_ROOT if old == 0 else new_root):
            raise wrong
        return
    rest = list(path)
    if not old & (old - 1):  # a perfect tree is its own first node
        rest.insert(0, old_root)
    if not rest:
        raise wrong
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = rest[0]
    for each in rest[1:]:
        if last == 0:
            raise wrong
        if place & 1 or place == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, each)
        place, last = place >> 1, last >> 1
    if (before, after) != (old_root, new_root) or last:
        raise wrong
