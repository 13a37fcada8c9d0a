"""
The history of a bundle: its lines are entries, they have the signed root, and the projections follow from them.

One pass reads, hashes and folds; what is held is a chunk of lines, the tree's frontier and the fold's states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lading_verify import encoding, entries, layout, notes, states
from lading_verify.bag import Bag
from lading_verify.entries import Entry, NoEntry
from lading_verify.errors import Refused
from lading_verify.fold import Fault, Fold
from lading_verify.merkle import Tree, leaf_hash, root_of_path

_OPENED: Final = "ledger.epoch_opened"


@dataclass
class Told:
    """What the lines came to; `fold` holds the states after the last."""

    fold: Fold
    count: int = 0
    first_at: str | None = None
    last_at: str | None = None
    root: bytes | None = None
    marks: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """Root of the tree at the sizes that were asked for."""


def read(
    bag: Bag,
    tree: Tree,
    *,
    marks: Sequence[int] = (),
    until: int | None = None,
    on_mark: Callable[[int, Fold], None] | None = None,
    is_watched: bool = False,
    fold: Fold | None = None,
) -> Told:
    """
    Return what the history tells, its lines added to `tree`; Refused names the line that is no entry of this log.

    `marks` are sizes of the tree at which it is noted how it stood; `on_mark` is given the first entry that the states
    have seen, and the states.  The entries from `until` on are not taken.  The fold `is_watched` if it is to tell what
    it needed; it is the bundle's own, or `fold`.
    """
    told = Told(_begun(bag) if fold is None else fold)
    if is_watched:
        told.fold.watch()

    def mark(size: int) -> None:
        told.marks[size] = tree.root()
        if on_mark is not None:
            on_mark(bag.manifest.start, told.fold)

    stops = sorted({size for size in (*marks, until) if size is not None and size >= tree.size}, reverse=True)
    for piece in bag.lines(layout.HISTORY):
        rest = piece
        while stops and stops[-1] <= tree.size + len(rest):
            stop = stops.pop()
            now, rest = rest[: stop - tree.size], rest[stop - tree.size :]
            _take_all(bag, told, tree, now)
            mark(stop)
            if stop == until:
                return told
        _take_all(bag, told, tree, rest)
    if stops and stops[-1] == tree.size:
        mark(tree.size)
    told.root = tree.root()
    return told


def begun_tree(bag: Bag) -> Tree:
    """Return the tree of the entries before the first."""
    if bag.manifest.start == 0 or not bag.has(layout.FRONTIER):
        return Tree()
    try:
        return Tree(bag.manifest.start, bag.read(layout.FRONTIER, layout.read_frontier, bag.limits.note_bytes))
    except ValueError as error:
        raise Refused(str(error), file=layout.FRONTIER) from None


def read_partial(bag: Bag) -> Told:
    """Return what the lines of a partial bundle tell; each must have a proof of its own that leads to the head."""
    names = sorted((name for name in bag.members if name.startswith(layout.ENTRY_PROOFS)), key=layout.entry_of_proof)
    head, told = bag.content(layout.HEAD, bag.limits.note_bytes), Told(Fold(partial=True))
    size, root = bag.manifest.end, bag.manifest.root
    for number, line in enumerate((line for piece in bag.lines(layout.HISTORY) for line in piece), 1):
        if number > len(names):
            raise Refused("there is no proof that it is in the log", file=layout.HISTORY, record=number)
        name = names[number - 1]
        proof = bag.read(name, notes.read_proof, bag.limits.note_bytes)
        if notes.write_proof(proof.index, proof.path, head) != bag.content(name, bag.limits.note_bytes):
            raise Refused(f"it does not lead to {layout.HEAD}, or is not written as one", file=name)
        if proof.index != layout.entry_of_proof(name) or not bag.manifest.start <= proof.index < size:
            raise Refused("it is for another entry", file=name, field="index")
        try:
            led_to = root_of_path(leaf_hash(line), proof.index, size, proof.path)
        except ValueError as error:
            raise Refused(str(error), file=name) from None
        if led_to != root:
            why = f"it is not entry {proof.index} of the log: {name} does not lead from it to the signed root"
            raise Refused(why, file=layout.HISTORY, record=number)
        _take_one(bag, told, proof.index, line)
    if told.count != len(names):
        raise Refused("its line is missing", file=names[told.count])
    return told


def faults(bag: Bag, told: Told) -> list[Refused]:
    """Return what of the history can't have happened."""
    return [_refused(bag, fault) for fault in told.fold.faults]


def compare(bag: Bag, fold: Fold) -> dict[str, int]:
    """Return how many lines each projection has; Refused names the first that a replay does not give."""
    counts: dict[str, int] = {}
    for name, lines in projections(fold):
        counts[name] = _compare(bag, name, lines)
    return counts


def projections(fold: Fold) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the files that follow from a fold, with their lines."""
    yield layout.JOBS, fold.jobs()
    yield layout.THROTTLES, fold.throttles()
    yield layout.ARTIFACTS, fold.artifacts()


def start_state(bag: Bag) -> Iterator[bytes]:
    """Yield the states with which the bundle begins, as far as it has them."""
    if bag.has(layout.START_STATE):
        for piece in bag.lines(layout.START_STATE):
            yield from piece


def _begun(bag: Bag) -> Fold:
    if bag.has(layout.START_STATE):
        number = 0

        def lines() -> Iterator[bytes]:
            nonlocal number
            for line in start_state(bag):
                number += 1
                yield line

        try:
            return Fold(states.admitted(lines(), before=bag.manifest.start), partial=bag.manifest.epoch > 1)
        except ValueError as error:
            raise Refused(str(error), file=layout.START_STATE, record=number) from None
    # Entries from before the span may be gone for good, and those of an earlier epoch are in another tree; then
    # subjects are taken as they are met.
    return Fold(partial=bag.manifest.start > 0 or bag.manifest.epoch > 1)


def _take_all(bag: Bag, told: Told, tree: Tree, lines: Sequence[bytes]) -> None:
    parse, take, tenant, index = entries.parse, told.fold.take, bag.manifest.tenant, tree.size
    entry = None
    for number, line in enumerate(lines):
        try:
            entry = parse(line)
        except NoEntry as error:
            record = told.count + number + 1
            raise Refused(str(error), file=layout.HISTORY, record=record, field=error.field) from None
        if entry.tenant != tenant:
            raise _foreign(entry, tenant, told.count + number + 1)
        if told.first_at is None:
            told.first_at = entry.at
            _check_first(bag, index, entry)
        take(index + number, entry)
    tree.extend(lines)
    told.count += len(lines)
    told.last_at = told.last_at if entry is None else entry.at


def _check_first(bag: Bag, index: int, entry: Entry) -> None:
    """Refuse the first entry of a log unless it tells of the restore that began this epoch, if one did."""
    if index:
        return
    opened = entry.data.get("epoch") if entry.type == _OPENED else 1
    if opened != bag.manifest.epoch:
        why = f"it opens epoch {opened!r:.20} of a log whose origin is {bag.manifest.origin}"
        raise Refused(why, file=layout.HISTORY, record=1, field="data")


def _take_one(bag: Bag, told: Told, index: int, line: bytes) -> None:
    try:
        entry = entries.parse(line)
    except NoEntry as error:
        raise Refused(str(error), file=layout.HISTORY, record=told.count + 1, field=error.field) from None
    if entry.tenant != bag.manifest.tenant:
        raise _foreign(entry, bag.manifest.tenant, told.count + 1)
    told.first_at, told.last_at = told.first_at or entry.at, entry.at
    told.count += 1
    told.fold.take(index, entry)


def _foreign(entry: Entry, tenant: str, record: int) -> Refused:
    return Refused(
        f"it is of {entry.tenant}, the bundle of {tenant}", file=layout.HISTORY, record=record, field="tenant"
    )


def _refused(bag: Bag, fault: Fault) -> Refused:
    record = fault.index - bag.manifest.start + 1 if bag.manifest.is_complete else None
    what = (
        f"{fault.subject}: {fault.why}" if record is not None else f"entry {fault.index}, {fault.subject}: {fault.why}"
    )
    return Refused(what, file=layout.HISTORY, record=record, kind="gap")


def _compare(bag: Bag, name: str, expected: Iterable[bytes]) -> int:
    number, lines = 0, iter(expected)
    for piece in bag.lines(name):
        for line in piece:
            number += 1
            wanted = next(lines, None)
            if wanted is None:
                raise Refused("the history tells of no such thing", file=name, record=number)
            if wanted != line:
                raise _differing(name, number, line, wanted)
    missing = next(lines, None)
    if missing is not None:
        about = encoding.decode(missing)["id"]
        raise Refused(f"{about} is missing after the last line", file=name, record=number)
    return number


def _differing(name: str, number: int, line: bytes, wanted: bytes) -> Refused:
    told: Mapping[str, Any] = encoding.decode(wanted)
    try:
        stored = encoding.decode(line)
    except ValueError as error:
        return Refused(str(error), file=name, record=number)
    if not isinstance(stored, dict):
        return Refused("it is not a state", file=name, record=number)
    for field_name in sorted(told.keys() | stored.keys()):
        if told.get(field_name) != stored.get(field_name) or field_name not in told or field_name not in stored:
            shown = f"{stored.get(field_name)!r:.100}, the history gives {told.get(field_name)!r:.100}"
            return Refused(f"it is {shown}", file=name, record=number, field=field_name)
    return Refused("it is not in canonical form", file=name, record=number)
