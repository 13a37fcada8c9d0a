"""Pseudonyms are kept from batch to batch for speed; what is kept is small whatever texts a column holds."""

from __future__ import annotations

import tracemalloc

import polars as pl

from lading.exports.masking import masked
from lading.exports.profile import Mask

MASK = Mask(kind="pseudonym", prefix="P", length=16, domain="d", text="")
LETTERS = 100_000


def test_long_texts_are_not_kept_from_batch_to_batch() -> None:
    made = masked(pl.col("x"), MASK, salt=b"s" * 16)
    batches = [
        pl.DataFrame({"x": [f"{n:0{LETTERS}}" for n in range(first, first + 10)]}) for first in range(0, 200, 10)
    ]
    batches[-1].select(made)  # what is imported at its first use is imported
    tracemalloc.start()
    try:
        found = [batch.select(made)["x"].to_list() for batch in batches]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len({name for names in found for name in names}) == 200
    assert kept < 50 * LETTERS  # of 200
    assert batches[0].select(made)["x"].to_list() == found[0]
