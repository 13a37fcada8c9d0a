"""
What the ledger says about some subjects, with a signed head over it and the proof of every line.

The lines are the leaves as they are in the tree, byte for byte; the head is the first one that covers them all, so that
the extract is the same whenever it is made.  Runs in a stage's thread and asks page by page: no transaction is held,
and of what was read only places in the tree and paths to its root stay in memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from lading.errors import ExportError, PackageInvalid, TooLarge
from lading.exports.stages.work import Work
from lading.exports.types import store
from lading.ledger import heads, tiles
from lading.ledger.proofs import Prover
from lading.ledger.store import SignedHead, StoredEntry
from lading.ledger.trust import Trust

MAX_ENTRIES: Final = 100_000
_LOOKS: Final = 240
_LOOK_SECONDS: Final = 0.25


class NotInTree(ExportError):
    """Entries wait for the integrator; trying again helps."""

    code = "ledger-behind"
    retryable = True


@dataclass(frozen=True, slots=True)
class Proved:
    """A signed head whose root was recomputed from the leaves; `paths` prove the wanted ones."""

    head: SignedHead
    origin: str
    keyid: str | None
    paths: dict[int, list[bytes]]


def wait_until_told(work: Work, subjects: Sequence[str], as_of: datetime) -> None:
    """Return when all that was recorded by `as_of` is in the tree; NotInTree when nobody integrates."""
    for _ in range(_LOOKS):
        if work.ask(lambda tx: store.is_told(tx, subjects, as_of=as_of)):
            return
        work.advance(0, None)
        time.sleep(_LOOK_SECONDS)
    raise NotInTree("Entries of the ledger wait to be integrated; check that a worker runs, then retry.")


def entries(work: Work, subjects: Sequence[str], as_of: datetime) -> Iterator[StoredEntry]:
    """Yield every entry about `subjects` up to `as_of`, in the order of the tree; a page of them is held."""
    first, count = 0, 0
    while True:
        page = work.ask(_page(subjects, as_of, first))
        count += len(page)
        if count > MAX_ENTRIES:
            raise TooLarge(f"The ledger has more than {MAX_ENTRIES} entries about these exports; choose fewer.")
        yield from page
        work.advance(count, None)
        if len(page) < store.PAGE:
            return
        first = page[-1].index + 1


def proved(work: Work, wanted: Sequence[int], *, last: int) -> Proved:
    """
    Return the first signed head over the entry `last`, recomputed, with a path for each of `wanted`.

    Reads the hash of every leaf below the head: the cost is that of the tree, not of the extract.
    """
    head = work.ask(lambda tx: store.covering_head(tx, last))
    if head is None:
        raise NotInTree("The ledger has no signed head over these entries yet; retry.")
    signed = heads.verify(head.note, Trust.load(work.trust_file))
    log = work.ask(tiles.tree)
    if log.base or log.min_index:  # its first leaves are of an earlier tree, or gone; their hashes are in tiles
        return _from_tiles(work, wanted, head=head, signed=signed, log=log)
    prover = Prover(wanted)
    while prover.size < head.size:
        page = work.ask(_leaves(prover.size, head.size))
        if not page:
            break
        prover.add(page)
        work.advance(prover.size, head.size)
    root, paths = prover.finish()
    if prover.size != head.size or root != signed.root or signed.size != head.size:
        raise PackageInvalid(
            f"{signed.origin}: its {head.size} entries do not have the signed root; they were changed behind Lading."
        )
    return Proved(head, signed.origin, signed.keyid, paths)


def _from_tiles(work: Work, wanted: Sequence[int], *, head: SignedHead, signed: heads.Head, log: tiles.Tree) -> Proved:
    if head.size <= log.base or any(index < log.base for index in wanted):
        raise PackageInvalid(
            f"Entries below {log.base} are in the tree from before a restore; prove them with `lading ledger prove`."
        )
    if work.ask(lambda tx: tiles.root_at(tx, signed.size, log=log)) != signed.root:
        raise PackageInvalid(
            f"{signed.origin}: its tiles do not have the signed root; they were changed behind Lading."
        )
    paths: dict[int, list[bytes]] = {}
    for index in wanted:
        paths[index - log.base] = work.ask(_path(index - log.base, signed.size, log))
        work.advance(len(paths), len(wanted))
    return Proved(replace(head, size=signed.size), signed.origin, signed.keyid, paths)


def _path(leaf: int, size: int, log: tiles.Tree) -> Callable[..., Any]:
    return lambda tx: tiles.inclusion(tx, leaf, size, log=log)


def document(found: Proved) -> Iterator[bytes]:
    """
    Yield head and proofs as a JSON document: with a line of the extract they give the root in the signed head.

    As `packing.pretty` would write it, but an entry at a time.
    """
    told = {
        "hash": "RFC 6962, SHA-256",
        "head": {
            "origin": found.origin,
            "size": found.head.size,
            "root_sha256": found.head.root.hex(),
            "keyid": found.keyid,
            "note": found.head.note,
        },
        "schema_version": "lading.proofs/1",
    }
    yield b'{\n "entries": ['
    for number, (index, path) in enumerate(sorted(found.paths.items())):
        text = json.dumps({"index": index, "path": [step.hex() for step in path]}, indent=1)
        yield f"{',' if number else ''}\n  ".encode() + text.replace("\n", "\n  ").encode()
    yield b"\n ]," + json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).removeprefix("{").encode() + b"\n"


def read(entry: StoredEntry) -> dict[str, Any]:
    """Return the line as JSON values."""
    return json.loads(entry.line)


def _page(subjects: Sequence[str], as_of: datetime, first: int) -> Callable[..., Any]:
    return lambda tx: store.extract(tx, subjects, as_of=as_of, first=first)


def _leaves(first: int, size: int) -> Callable[..., Any]:
    return lambda tx: store.leaves(tx, first=first, size=size)
