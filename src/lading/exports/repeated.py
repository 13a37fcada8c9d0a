"""
Work on texts that repeat: done once for each distinct one, not once for each row.

Names, codes and places repeat within a batch; finding out which rows hold the same costs far less than a pattern or a
digest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import polars as pl

_X: Final = pl.col("x")


def each_text(text: pl.Expr, change: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    """Return what `change` makes of texts, row by row; it makes null of null, and of each text always the same."""

    def changed(values: pl.Series) -> pl.Series:
        encoded: Any = values.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
        distinct, places = pl.Series(encoded.dictionary), pl.Series(encoded.indices)
        return change(distinct.cast(pl.String)).gather(places)

    return text.map_batches(changed, return_dtype=pl.String, is_elementwise=True)


def each(text: pl.Expr, change: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return the expression `change(text)`, computed once for each distinct text; as for `each_text`."""
    made = change(_X)
    return each_text(text, lambda values: values.to_frame("x").select(made).to_series())
