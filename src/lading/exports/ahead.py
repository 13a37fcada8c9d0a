"""
Steps of a stage side by side: what one step makes, the next takes, each in a thread of its own.

Columnar work leaves the interpreter's lock, so two steps keep two cores busy.  Order and content are those of the
steps one after the other; between two of them waits one item, so memory is bounded by their number.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Final, TypeVar

from lading.sources.prefetch import Prefetch

T = TypeVar("T")
_NEVER: Final = 1e9  # whoever takes the items decides when it is enough


def ahead(items: Iterable[T]) -> Generator[T]:
    """
    Yield the items, which are made while the one before is being used.

    What making them raises is raised here, after the items before.  When this iterator is closed, nothing is made any
    more.
    """
    made = Prefetch(lambda: iter(items), seconds=_NEVER, depth=1)
    try:
        yield from made
    finally:
        made.close(seconds=_NEVER)
