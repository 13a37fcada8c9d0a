"""
One pass over the lines of a span: written as they stand, folded, hashed into the tree, and their artifacts noted.

What is held is a page of lines, the tree's frontier, the fold's states and a few words for each artifact; never the
history.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, Protocol

from lading.bundles.provenance import Provenance
from lading.ledger.store import StoredEntry
from lading_verify.merkle import Tree


class Folding(Protocol):
    """What a fold is to this pass (`lading_verify.fold.Fold`)."""

    def add(self, index: int, line: bytes) -> object:
        """Take the next entry."""
        ...


class Choice:
    """
    Which lines a partial bundle has: those that name its subject, or a job of the export that is its subject.

    >>> choice = Choice("exp_1")
    >>> choice.takes(b'{"data":{"job":"job_7"},"subject":"exp_1"}'), choice.takes(b'{"subject":"job_7"}')
    (True, True)
    >>> choice.takes(b'{"subject":"job_8"}')
    False
    """

    def __init__(self, subject: str) -> None:
        self._subject: Final = subject
        self._names: Final[list[bytes]] = [subject.encode()]

    def takes(self, line: bytes) -> bool:
        """Return whether the line is chosen; it may make known another job of the export."""
        if not any(name in line for name in self._names):
            return False
        told = json.loads(line)
        job = told["data"].get("job") if told["subject"] == self._subject else None
        if isinstance(job, str) and job.encode() not in self._names:
            self._names.append(job.encode())
        return True


def whole(
    pages: Iterable[Iterable[StoredEntry]],
    sink: BinaryIO,
    *,
    base: int,
    fold: Folding,
    tree: Tree,
    provenance: Provenance,
    advance: Callable[[int], None],
) -> int:
    """Write every line, in order; return how many there were. The tree's first leaf has the place `base`."""
    count = 0
    for page in pages:
        lines = [entry.line for entry in page]
        tree.extend(lines)
        sink.write(b"".join(line + b"\n" for line in lines))
        for entry in page:
            fold.add(entry.index - base, entry.line)
            provenance.add(entry.line)
        count += len(lines)
        advance(count)
    return count


def chosen(
    pages: Iterable[Iterable[StoredEntry]],
    sink: BinaryIO,
    *,
    base: int,
    choice: Choice,
    fold: Folding,
    provenance: Provenance,
    advance: Callable[[int], None],
) -> list[int]:
    """Write the chosen lines, in order; return which leaves they are."""
    leaves: list[int] = []
    read = 0
    for page in pages:
        for entry in page:
            read += 1
            if choice.takes(entry.line):
                sink.write(entry.line + b"\n")
                fold.add(entry.index - base, entry.line)
                provenance.add(entry.line)
                leaves.append(entry.index - base)
        advance(read)
    return leaves


def before(
    pages: Iterable[Iterable[StoredEntry]], *, base: int, fold: Folding, tree: Tree, advance: Callable[[int], None]
) -> None:
    """Take what stands before the span: its frontier, and the states in which the span begins."""
    for page in pages:
        tree.extend(entry.line for entry in page)
        for entry in page:
            fold.add(entry.index - base, entry.line)
        advance(tree.size)


def lines_of(documents: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each document as a line."""
    for document in documents:
        yield document if document.endswith(b"\n") else document + b"\n"
