"""The spans of a proof are those of RFC 6962, and each lies in tiles as C2SP cuts them."""  # A1

from __future__ import annotations

import pytest

from lading.ledger import proofs, spans
from lading.ledger.merkle import Frontier, root_of, split, subtree_root
from lading_verify.merkle import leaf_hash, root_of_path

LINES = [b"%d" % number for number in range(70)]


def mth(first: int, end: int) -> bytes:
    """The root over lines, as RFC 6962 §2.1 defines it."""
    if end - first == 1:
        return leaf_hash(LINES[first])
    half = 1 << ((end - first - 1).bit_length() - 1)
    return spans.joined([mth(first, first + half), mth(first + half, end)])


def test_a_path_of_spans_leads_from_each_leaf_to_the_root_of_each_size() -> None:
    for size in range(1, 40):
        root = root_of(LINES[:size])
        for index in range(size):
            path = [mth(*span) for span in spans.inclusion(index, size)]
            assert root_of_path(leaf_hash(LINES[index]), index, size, path) == root


def test_spans_of_consistency_prove_each_beginning_of_each_tree() -> None:
    for new in range(1, 40):
        for old in range(new + 1):
            path = [mth(*span) for span in spans.consistency(old, new)]
            proofs.require_consistent(old, root_of(LINES[:old]), new, root_of(LINES[:new]), path)
            for at in range(len(path)):
                with pytest.raises(ValueError, match="is not the beginning"):
                    proofs.require_consistent(
                        old, root_of(LINES[:old]), new, root_of(LINES[:new]), [*path[:at], bytes(32), *path[at + 1 :]]
                    )


@pytest.mark.parametrize("change", ["old", "new", "longer", "shorter"])
def test_a_proof_of_another_tree_is_none(change: str) -> None:
    path = [mth(*span) for span in spans.consistency(13, 29)]
    old, new = root_of(LINES[:13]), root_of(LINES[:29])
    match change:
        case "old":
            old = root_of([*LINES[:12], b"x"])
        case "new":
            new = root_of([*LINES[:28], b"x"])
        case "longer":
            path.append(bytes(32))
        case _:
            path.pop()

    with pytest.raises(ValueError, match=r"is not the beginning|too"):
        proofs.require_consistent(13, old, 29, new, path)


def test_what_is_plain_needs_no_proof_and_takes_none() -> None:
    root = root_of(LINES)

    proofs.require_consistent(0, root_of([]), 70, root, [])
    proofs.require_consistent(70, root, 70, root, [])
    for old, old_root, path in [(0, root, []), (70, root_of([]), []), (0, root_of([]), [root]), (70, root, [root])]:
        with pytest.raises(ValueError, match=r"is not the beginning|too"):
            proofs.require_consistent(old, old_root, 70, root, path)
    with pytest.raises(ValueError, match="is not the beginning"):
        proofs.require_consistent(71, root, 70, root, [])


def test_every_perfect_subtree_lies_in_one_tile() -> None:
    for end in [1, 255, 256, 257, 65_535, 65_536, 70_000, 1 << 40, (1 << 40) + 12_345]:
        slices = spans.perfect((0, end))
        assert sum(each.count << (8 * each.level) for each in slices) == end
        for each in slices:
            assert each.first // 256 == (each.first + each.count - 1) // 256


def test_a_tile_becomes_full_with_its_last_leaf_and_knows_its_root() -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(70_000)]
    frontier, full = Frontier().grown(leaves)

    assert frontier == Frontier().extended(b"%d" % number for number in range(70_000))
    assert [(each.level, each.n) for each in full if each.level] == [(1, 0)]
    assert [each.n for each in full if not each.level] == list(range(273))
    roots = [each.root for each in full if not each.level]
    assert roots[7] == subtree_root(leaves[7 * 256 : 8 * 256])
    assert next(each.root for each in full if each.level) == subtree_root(roots[:256])
    assert split(b"".join(roots)) == roots
