"""
The mapping stage: a spool of source rows becomes the mapped table, with every row accounted for.

`map_spool` streams batches, so memory does not grow with rows.  Order of the output is order of the source; the same
spool, profile, parameters and salt give the same table.  read = written + quarantined + duplicate + filtered.  The
mapped table has the output columns in order and typed; how they are rendered is the business of `exports/formats`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import polars as pl

from lading.errors import NoData
from lading.exports import casting
from lading.exports.ahead import ahead
from lading.exports.dedupe import Deduplicator, without
from lading.exports.expressions import Plan, compile_plan
from lading.exports.profile import Profile
from lading.exports.tables import Incoming, TableWriter, estimate_rows, frames, schema_of
from lading.exports.tally import Tally
from lading.exports.validation import Quarantine
from lading.wire.exports import Notice


@dataclass(frozen=True, slots=True)
class MappingResult:
    """What became of the rows; `totals` are exact numbers as text, by output column."""

    read: int
    written: int
    quarantined: int
    duplicate: int
    warnings: tuple[Notice, ...]
    codes: Mapping[str, int]
    totals: Mapping[str, str]
    filtered: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON values, for a checkpoint."""
        return asdict(self) | {"warnings": [asdict(notice) for notice in self.warnings]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MappingResult:
        """Return the result that `to_json` wrote."""
        fields: dict[str, Any] = {**values, "warnings": tuple(Notice(**notice) for notice in values["warnings"])}
        return cls(**fields)


def map_spool(
    profile: Profile,
    source: Path | Incoming,
    target: Path,
    quarantine: Path,
    *,
    parameters: Mapping[str, Any],
    salt: bytes,
    progress: Callable[[int], None] = lambda _: None,
    outlet: Callable[[pl.DataFrame], None] | None = None,
) -> MappingResult:
    """
    Write the mapped table to `target` and bad rows, if any, to `quarantine`; return the counts.

    `parameters` are the admitted ones with `period_from` and `period_to`; `salt` is the tenant's, at least 16 bytes if
    the profile makes pseudonyms.  `progress` is called with the rows read so far; what it raises ends the mapping.
    `outlet` is given the mapped rows while they are written.
    Raises ProfileInvalid where profile and spool do not fit, TooManyBadRows, NoData.
    """
    plan = compile_plan(profile, schema_of(source), parameters=parameters, salt=salt)
    bad = Quarantine(quarantine, plan.checks, profile)
    scratch = target.with_name(target.name + ".scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    quarantine.unlink(missing_ok=True)
    try:
        with Output(profile, target, outlet) as output:
            kept = Kept()
            good = good_rows(plan, bad, source, kept, progress)
            read, duplicate = _written(profile, good, output, source=source, scratch=scratch, progress=progress)
        bad.close(kept.rows)
        return concluded(profile, output.tally, bad, read=read, kept=kept.rows, duplicate=duplicate)
    finally:
        bad.abandon()
        shutil.rmtree(scratch, ignore_errors=True)


def concluded(
    profile: Profile, tally: Tally, bad: Quarantine, *, read: int, kept: int, duplicate: int
) -> MappingResult:
    """Return the result of a mapping whose rows are all counted; NoData if the profile wants some and got none."""
    if kept == 0 and profile.on_empty == "fail":
        raise NoData(f"The query of profile {profile.name} gave no row for this period and these parameters.")
    warnings = tuple(_warnings(profile, tally, duplicate, bad.count, kept))
    return MappingResult(
        read, tally.rows, bad.count, duplicate, warnings, bad.codes, tally.totals(), filtered=read - kept
    )


@dataclass(slots=True)
class Kept:
    """How many rows the filter kept."""

    rows: int = 0


def good_rows(
    plan: Plan, bad: Quarantine, source: Path | Incoming, kept: Kept, progress: Callable[[int], None]
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the number of rows read so far and the good ones among the newest, which know their `row`."""
    with closing(ahead(_mapped(plan, source))) as batches:
        for read, mapped in batches:
            kept.rows += mapped.height
            yield read, bad.sift(mapped)
            progress(read)


def _mapped(plan: Plan, source: Path | Incoming) -> Iterator[tuple[int, pl.DataFrame]]:
    read = 0
    given = frames(source)  # whoever makes incoming ones is ahead already
    with closing(given if isinstance(source, Incoming) else ahead(given)) as batches:
        for frame in batches:
            first, read = read + 1, read + frame.height
            yield read, plan.apply(frame, first=first)


def write_all(good: Iterator[tuple[int, pl.DataFrame]], output: Output) -> int:
    """Write the good rows and return how many were read."""
    read = 0
    for so_far, frame in good:
        output.add(frame)
        read = so_far
    return read


def _written(
    profile: Profile,
    good: Iterator[tuple[int, pl.DataFrame]],
    output: Output,
    *,
    source: Path | Incoming,
    scratch: Path,
    progress: Callable[[int], None],
) -> tuple[int, int]:
    """Write the good rows without duplicates; return rows read and duplicates."""
    if profile.deduplicate is None:
        return write_all(good, output), 0
    read = 0
    scratch.mkdir()
    assert isinstance(source, Path), "what is a duplicate is known when all rows are there"
    rows = estimate_rows(source)
    finder = Deduplicator(profile.deduplicate, scratch, rows=rows, timezone=profile.timezone)
    held = scratch / "good.arrow"
    with TableWriter(held, output.held_schema) as writer:
        for so_far, frame in good:
            read = so_far
            finder.add(frame)
            writer.add(frame.select(list(output.held_schema)))
    lost = finder.lost(lambda: progress(read))
    for frame in frames(held):
        output.add(without(frame, lost))
        progress(read)
    return read, len(lost)


class Output:
    """The mapped table while it grows, with the counts that only written rows may enter."""

    def __init__(self, profile: Profile, target: Path, outlet: Callable[[pl.DataFrame], None] | None = None) -> None:
        self._outlet = outlet
        self._names = {f"o:{index}": column.name for index, column in enumerate(profile.columns)}
        types = {f"o:{index}": casting.dtype_of(column) for index, column in enumerate(profile.columns)}
        self._writer = TableWriter(target, pl.Schema({self._names[key]: kind for key, kind in types.items()}))
        self.held_schema = held_schema(profile)
        self.tally = Tally(profile)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._writer.__exit__(*exc)

    def add(self, frame: pl.DataFrame) -> None:
        """Append good rows."""
        table = frame.select(pl.col(key).alias(name) for key, name in self._names.items())
        self.tally.add(frame, table)
        if self._outlet is not None:
            self._outlet(table)
        self._writer.add(table)


def held_schema(profile: Profile) -> pl.Schema:
    """Return the columns of good rows that wait until it is known which are duplicates."""
    types = {f"o:{index}": casting.dtype_of(column) for index, column in enumerate(profile.columns)}
    fallbacks = {f"w:{i}": pl.String() for i, column in enumerate(profile.columns) if column.fallback is not None}
    return pl.Schema({"row": pl.UInt32(), **types, **fallbacks})


def _warnings(profile: Profile, tally: Tally, duplicate: int, quarantined: int, kept: int) -> Iterator[Notice]:
    if kept == 0:
        yield Notice("no_rows", "The query gave no row for this period and these parameters.", 1)
    if quarantined:
        yield Notice(
            "rows_quarantined", "Bad rows were left out; the package lists them in quarantine.jsonl.", quarantined
        )
    if duplicate:
        fingerprint = ", ".join(profile.deduplicate.fingerprint) if profile.deduplicate else ""
        yield Notice("duplicates_removed", f"Rows with the same {fingerprint} were counted once.", duplicate)
    for index, counts in tally.fell_back.items():
        column = profile.columns[index]
        for value, count in sorted(counts.items()):
            which = f"The value {value}" if value else "Another value"
            yield Notice(
                "value_not_mapped",
                f'{which} is not known to column "{column.name}"; it was written as {column.fallback}.',
                count,
            )
