"""
The states with which a bundle begins: what its signer says, and no log proves, so their form is held strictly.

Each has the shape that a fold gives, is of before the first entry of the span, and stands once, in order: a second line
about the same thing would take the place of the first after that was compared with the previous bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lading_verify.fold import PARTS, restored

_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "jobs": frozenset({
        "changed_at", "code", "created_at", "ended_at", "id", "index", "kind", "rev", "state", "what",
    }),
    "throttles": frozenset({"changed_at", "id", "index", "set", "since", "state", "what"}),
    "content": frozenset({"changed_at", "id", "index", "since", "size", "state", "what"}),
    "publication": frozenset({"at", "id", "index", "sha256", "what"}),
}  # fmt: skip
_MORE: Final[Mapping[str, frozenset[str]]] = {
    "job": frozenset({"attempt", "for"}),
    "export": frozenset({"approval", "deleted_at", "job", "package", "stage"}),
    "run": frozenset(),
}


def admitted(lines: Iterable[bytes], *, before: int) -> Iterator[bytes]:
    """Yield the lines as they are; ValueError at the first that is no state of before that entry, or out of order."""
    last = (-1, "")
    for line in lines:
        part, document = restored(line)
        place = (PARTS.index(part), str(document["id"]))
        if place <= last:
            raise ValueError("it is not in order, or stands a second time")
        last = place
        _check(part, document, before)
        yield line


def _check(part: str, document: Mapping[str, Any], before: int) -> None:
    what, index = document["what"], document.get("index")
    if not isinstance(what, str) or type(index) is not int or not 0 <= index < before:
        raise ValueError(f"its index is not that of an entry before {before}, or it is nothing that is known")
    wanted = _FIELDS.get(what if part == "artifacts" else part)
    if wanted is None or (part == "jobs" and what not in _MORE):
        raise ValueError(f"nothing in {part} is {what!r:.40}")
    if not document.keys() >= (wanted | _MORE[what] if part == "jobs" else wanted):
        raise ValueError("it lacks fields of a state")
    if "state" in wanted and not isinstance(document["state"], str):
        raise ValueError("its state is none")
    if part == "jobs" and not all(_is_count(document.get(name)) for name in ("rev", "attempt")):
        raise ValueError("its rev or its attempt is no count")


def _is_count(value: object) -> bool:
    return value is None or (type(value) is int and value >= 0)
