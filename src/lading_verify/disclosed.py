"""
Openings: the words behind what lines commit to, as far as they were not erased when the bundle was made.

A line says `sd`: {path: base64 of SHA-256(salt, path, words)}.  An opening names entry, path, salt and words; it holds
if the digest is the line's.  Words that were erased have none, and nothing is wrong with that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from lading_verify import encoding, layout
from lading_verify.bag import Bag
from lading_verify.encoding import from_base64, to_base64
from lading_verify.errors import Refused

_FIELDS: Final = {"index", "path", "salt", "subject", "value"}


def check(bag: Bag) -> int:
    """Return how many openings there are; Refused names the first that does not open its line."""
    if not bag.has(layout.DISCLOSURES):
        return 0
    lines, number, last = _lines(bag), 0, (-1, "")
    index, line = -1, b""
    for piece in bag.lines(layout.DISCLOSURES):
        for opening in piece:
            number += 1
            told = _opening(opening, number)
            if (told["index"], told["path"]) <= last:
                raise Refused("it is there twice, or out of order", file=layout.DISCLOSURES, record=number)
            last = (told["index"], told["path"])
            while index < told["index"]:
                index, line = next(lines, (1 << 60, b""))
            if index != told["index"] or not _opens(told, line):
                why = "it is not what the line of that entry commits to"
                raise Refused(why, file=layout.DISCLOSURES, record=number, field=str(told["path"])[:100])
    return number


def _opens(told: dict[str, Any], line: bytes) -> bool:
    words = from_base64(told["salt"]) + told["path"].encode() + told["value"].encode()
    return _commitments(line).get(told["path"]) == to_base64(hashlib.sha256(words).digest())


def _commitments(line: bytes) -> dict[str, str]:
    if b'"sd":{' not in line:
        return {}
    told: dict[str, str] = encoding.decode(line).get("sd", {})
    return told


def _opening(line: bytes, number: int) -> dict[str, Any]:
    try:
        told = encoding.decode(line)
        if not isinstance(told, dict) or told.keys() != _FIELDS or type(told["index"]) is not int:
            raise ValueError("it is not an opening")
        if not all(isinstance(told[name], str) for name in _FIELDS - {"index"}):
            raise ValueError("it is not an opening")
        from_base64(told["salt"])
    except ValueError as error:
        raise Refused(str(error), file=layout.DISCLOSURES, record=number) from None
    return told


def _lines(bag: Bag) -> Iterator[tuple[int, bytes]]:
    """Yield every line of the history with its place in the log."""
    if bag.manifest.is_complete:
        places = iter(range(bag.manifest.start, bag.manifest.end))
    else:
        named = (name for name in bag.members if name.startswith(layout.ENTRY_PROOFS))
        places = iter(sorted(map(layout.entry_of_proof, named)))
    for piece in bag.lines(layout.HISTORY):
        for line in piece:
            yield next(places), line
