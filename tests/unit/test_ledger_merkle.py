"""The tree is RFC 6962's, however it was grown."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.ledger.merkle import Frontier, root_of
from lading_verify.merkle import EMPTY_ROOT, leaf_hash, node_hash

LINES = st.lists(st.binary(max_size=12), max_size=70)


def defined(lines: list[bytes]) -> bytes:
    """The Merkle tree hash as RFC 6962 section 2.1 defines it, by recursion."""
    if not lines:
        return hashlib.sha256().digest()
    if len(lines) == 1:
        return hashlib.sha256(b"\x00" + lines[0]).digest()
    split = 1
    while split * 2 < len(lines):
        split *= 2
    return hashlib.sha256(b"\x01" + defined(lines[:split]) + defined(lines[split:])).digest()


@given(LINES)
def test_the_root_is_the_one_the_rfc_defines(lines: list[bytes]) -> None:
    assert root_of(lines) == defined(lines)


@given(LINES, st.lists(st.integers(0, 70)))
def test_growing_in_batches_gives_the_same_tree(lines: list[bytes], cuts: list[int]) -> None:
    frontier, start = Frontier(), 0
    for cut in [*sorted(min(cut, len(lines)) for cut in cuts), len(lines)]:
        frontier = Frontier.unpack(frontier.size, frontier.pack()).extended(lines[start:cut])
        start = cut

    assert frontier == Frontier().extended(lines)
    assert frontier.root() == defined(lines)


def test_the_published_vectors_of_rfc_6962_implementations_hold() -> None:
    vectors = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    lines = [bytes.fromhex(vector) for vector in vectors]

    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of(lines[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of(lines).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_leaf_never_passes_for_a_node() -> None:
    assert leaf_hash(b"ab") != node_hash(b"a", b"b")


@pytest.mark.parametrize(("size", "packed"), [(1, b""), (3, b"x" * 32), (0, b"x" * 32), (1, b"x" * 31), (-1, b"")])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"perfect subtrees|whole number"):
        Frontier.unpack(size, packed)
