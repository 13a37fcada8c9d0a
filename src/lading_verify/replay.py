"""Replay: the states that the history of a bundle gives, at its end or after any entry, as files or as a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lading_verify import bag as bags
from lading_verify import history, layout
from lading_verify.errors import Refused, Unreadable
from lading_verify.fold import Fault
from lading_verify.layout import LIMITS, Limits


@dataclass(frozen=True, slots=True)
class Replayed:
    """
    What a replay came to: after the entries before `at`, so many lines in each file.

    `matches` says whether they are the bundle's own, None where that can't be asked: in the middle of the span.
    """

    identifier: str
    at: int
    entries: int
    counts: dict[str, int]
    matches: bool | None
    differs: str | None
    faults: tuple[Fault, ...]
    fault_count: int


def replay(path: Path, *, at: int | None = None, out: Path | None = None, limits: Limits = LIMITS) -> Replayed:
    """
    Return what the history of the bundle at `path` gives; write the states to the folder `out` if one is named.

    Container, digests and entries are checked; whose signature it is, is not asked.
    """
    try:
        with path.open("rb") as file:
            return _replay(bags.open_bag(file, limits), at, out)
    except OSError as error:
        raise Unreadable(f"{error.filename or path}: {error.strerror}. Check the path.") from None


def _replay(bag: bags.Bag, at: int | None, out: Path | None) -> Replayed:
    manifest = bag.manifest
    for name in bags.damaged(bag):
        if name == layout.HISTORY:
            raise Refused("its bytes are not those that were signed", file=name)
    end = manifest.end if at is None else at
    if not manifest.start <= end <= manifest.end:
        raise Unreadable(f"--at must be between {manifest.start} and {manifest.end} for this bundle.")
    if manifest.is_complete:
        told = history.read(bag, history.begun_tree(bag), until=None if at is None else end)
    elif at is None:
        told = history.read_partial(bag)
    else:
        raise Unreadable("A partial bundle can't be replayed to the middle: entries between its lines are not in it.")
    matches = differs = None
    if end == manifest.end:
        matches, differs = _compared(bag, told)
    counts = {name: _written(name, lines, out) for name, lines in history.projections(told.fold)}
    return Replayed(
        manifest.identifier, end, told.count, counts, matches, differs, tuple(told.fold.faults), told.fold.fault_count
    )  # fmt: skip


def _compared(bag: bags.Bag, told: history.Told) -> tuple[bool, str | None]:
    try:
        history.compare(bag, told.fold)
    except Refused as error:
        return False, str(error)
    return True, None


def _written(name: str, lines: Iterator[bytes], out: Path | None) -> int:
    if out is None:
        return sum(1 for _ in lines)
    out.mkdir(parents=True, exist_ok=True)
    with (out / name.rpartition("/")[2]).open("xb") as file:
        return _each(lines, lambda line: file.write(line + b"\n"))


def _each(lines: Iterator[bytes], write: Callable[[bytes], object]) -> int:
    count = 0
    for line in lines:
        write(line)
        count += 1
    return count
