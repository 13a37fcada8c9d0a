"""
Two bundles, one after the other: the states in which the second begins are those in which the first ends.

The second carries only the states that it needs, and the first may not know what had ended before it began.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from lading_verify.fold import PARTS, Fold, restored


@dataclass(frozen=True, slots=True)
class Compared:
    """
    What a comparison came to.

    `why` tells what is wrong at the line `record` of the second bundle's states, or right behind it; `taken` is how
    many of them the first bundle can't know.
    """

    record: int
    taken: int
    why: str | None = None


def compare(before: Fold, start: Iterable[bytes], *, after: Fold, since: int) -> Compared:
    """
    Compare the states `start` with those of `before`, which has seen the entries from `since` on.

    `after` has seen the entries behind and was watched: it tells which states it needs.
    """
    number = taken = 0
    known = ((_place(line), 0, line) for line in before.state())
    given = ((_place(line), 1, line) for line in start)
    held: bytes | None = None
    held_at = (0, "")
    for place, side, line in heapq.merge(known, given, key=lambda each: each[:2]):
        if held is not None and held_at != place:
            if why := _left_out(held, after):
                return Compared(number, taken, why)
            held = None
        if side == 0:
            held, held_at = line, place
            continue
        number += 1
        if held is None:
            index = restored(line)[1].get("index")
            if type(index) is not int or index >= since:
                return Compared(number, taken, "the previous bundle tells of no such thing")
            taken += 1
        elif held != line:
            return Compared(number, taken, "it is not the state in which the previous bundle ends")
        held = None
    return Compared(number, taken, None if held is None else _left_out(held, after))


def _left_out(line: bytes, after: Fold) -> str | None:
    part, document = restored(line)
    return f"{document['id'][:200]} is missing, as the previous bundle left it" if after.needs(part, document) else None


def _place(line: bytes) -> tuple[int, str]:
    part, document = restored(line)
    return PARTS.index(part), document["id"]
