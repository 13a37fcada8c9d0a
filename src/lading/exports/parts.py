"""
Parts of an export as values: which rows each has, what it left behind, and in which steps a source is cut into them.

Pure and light: supervisors load this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.sources.model import KeyRange

JOB_KIND: Final = "part"
MAX_PARTS: Final = 999
CONSISTENCY: Final = "parts"


@dataclass(frozen=True, slots=True)
class Part:
    """One range of keys; `result` is what reading and mapping it came to, None while that is to be done."""

    number: int
    within: KeyRange
    result: Mapping[str, Any] | None = None


def planned(boundaries: Iterable[tuple[str, ...]]) -> list[Part]:
    """
    Return the parts that end at these keys, and the last one; where there are too many, every second end is left out.

    >>> [part.within.low for part in planned([("7",), ("9",)])]
    [None, ('7',), ('9',)]
    """
    ends = thinned(boundaries, MAX_PARTS - 1)
    return [
        Part(number, KeyRange(low, high))
        for number, (low, high) in enumerate(zip([None, *ends], [*ends, None], strict=True))
    ]


def thinned(boundaries: Iterable[tuple[str, ...]], most: int) -> Sequence[tuple[str, ...]]:
    """
    Return at most so many of them, evenly apart but for the rest; what they are depends on them alone.

    >>> [int(end) for (end,) in thinned(((str(n),) for n in range(1, 12)), 3)]
    [4, 8]
    """
    held: list[tuple[str, ...]] = []
    step = 1
    for place, boundary in enumerate(boundaries, 1):
        if place % step == 0:
            held.append(boundary)
        if len(held) > most:
            held, step = held[1::2], step * 2
    return held
