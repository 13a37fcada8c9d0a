"""
Mapping in parts: rows of a range of keys become a piece of the mapped table; the pieces become the whole.

`map_part` knows nothing of the other parts, so that parts are mapped side by side.  `merge` counts them together,
drops duplicates between them and judges the share of bad rows, in the order of the parts: what comes out depends on
the rows alone, and is what `mapping.map_spool` makes of all rows at once.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lading.errors import SourceRefused
from lading.exports.dedupe import Deduplicator, without
from lading.exports.expressions import compile_plan
from lading.exports.mapping import Kept, MappingResult, Output, concluded, good_rows, held_schema, write_all
from lading.exports.profile import Deduplication, Profile
from lading.exports.tables import TableWriter, estimate_rows, frames, schema_of
from lading.exports.tally import Tally
from lading.exports.validation import Quarantine


@dataclass(frozen=True, slots=True)
class PartFiles:
    """
    Where a part lies.

    `table` has its good rows, without duplicates among them; `quarantine` and `fingerprints` are there if there are
    bad rows and fingerprints.
    """

    table: Path
    quarantine: Path
    fingerprints: Path


@dataclass(frozen=True, slots=True)
class MappedPart:
    """What became of the rows of one part; `tally` counts those in its table as far as no other part changes that."""

    read: int
    kept: int
    quarantined: int
    duplicate: int
    rows: int
    checks: Sequence[tuple[str, str, int]]
    tally: Mapping[str, Any]
    columns: str
    """A digest of the names and types of the source's columns, which have to be the same in all parts."""


def map_part(
    profile: Profile,
    source: Path,
    files: PartFiles,
    *,
    parameters: Mapping[str, Any],
    salt: bytes,
    progress: Callable[[int], None],
) -> MappedPart:
    """Map the spool of one part; raises what `map_spool` raises, but for what only the whole can tell."""
    schema = schema_of(source)
    plan = compile_plan(profile, schema, parameters=parameters, salt=salt)
    bad, kept = Quarantine(files.quarantine, plan.checks, profile), Kept()
    try:
        good = good_rows(plan, bad, source, kept, progress)
        if profile.deduplicate is None:
            with Output(profile, files.table) as output:
                read = write_all(good, output)
            tally, duplicate, rows = output.tally, 0, output.tally.rows
        else:
            tally = Tally(profile)
            read, duplicate, rows = _without_duplicates(
                profile, profile.deduplicate, good, files, estimate_rows(source)
            )
        bad.end()
    finally:
        bad.abandon()
    told = [f"{name} {kind}" for name, kind in schema.items()]
    return MappedPart(
        read=read,
        kept=kept.rows,
        quarantined=bad.count,
        duplicate=duplicate,
        rows=rows,
        checks=[(check.code, check.column, count) for check, count in bad.counts.items()],
        tally=tally.to_json(),
        columns=hashlib.sha256("\n".join(told).encode()).hexdigest(),
    )


def _without_duplicates(
    profile: Profile,
    rule: Deduplication,
    good: Iterator[tuple[int, pl.DataFrame]],
    files: PartFiles,
    estimate: int,
) -> tuple[int, int, int]:
    """Write the table without the duplicates among its own rows, and the fingerprints of what stays."""
    scratch = files.table.with_name(files.table.name + ".scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        read, count, held, columns = 0, 0, scratch / "good.arrow", held_schema(profile)
        finder = Deduplicator(rule, scratch, rows=estimate, timezone=profile.timezone)
        with TableWriter(held, columns) as writer:
            for so_far, frame in good:
                read, count = so_far, count + frame.height
                finder.add(frame)
                writer.add(frame.select(list(columns)))
        with ExitStack() as opened:
            staying: list[TableWriter] = []

            def stays(fingerprints: pl.DataFrame) -> None:
                if fingerprints.height and not staying:
                    staying.append(opened.enter_context(TableWriter(files.fingerprints, fingerprints.schema)))
                if fingerprints.height:
                    staying[0].add(fingerprints)

            lost = finder.lost(lambda: None, stays=stays)
        with TableWriter(files.table, columns) as writer:
            for frame in frames(held):
                writer.add(without(frame, lost))
        return read, len(lost), count - len(lost)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def merge(
    profile: Profile,
    parts: Sequence[tuple[MappedPart, PartFiles]],
    target: Path,
    quarantine: Path,
    *,
    progress: Callable[[int], None],
) -> MappingResult:
    """
    Count the parts together; return what `map_spool` returns for all their rows.

    `quarantine` is written if there are bad rows, and `target` only if duplicates between parts have to be looked for:
    else the tables of the parts, one after the other, are the mapped table.
    """
    if len({part.columns for part, _ in parts}) > 1:
        raise SourceRefused("The source's columns changed while its parts were read; retry the export.")
    bad = Quarantine(quarantine, (), profile)
    quarantine.unlink(missing_ok=True)
    before = 0
    try:
        for part, files in parts:
            lines = files.quarantine.open("rb") if part.quarantined else None
            try:
                bad.join(iter(lines or ()), part.checks, bad=part.quarantined, before=before)
            finally:
                if lines is not None:
                    lines.close()
            before += part.read
            progress(before)
        tally, duplicate = _tally(profile, parts, target, progress=lambda: progress(before))
        kept = sum(part.kept for part, _ in parts)
        bad.close(kept)
    finally:
        bad.abandon()
    return concluded(profile, tally, bad, read=before, kept=kept, duplicate=duplicate)


def _tally(
    profile: Profile,
    parts: Sequence[tuple[MappedPart, PartFiles]],
    target: Path,
    *,
    progress: Callable[[], None],
) -> tuple[Tally, int]:
    if profile.deduplicate is None:
        tally = Tally(profile)
        for part, _ in parts:
            tally.join(part.tally)
        return tally, 0
    scratch = target.with_name(target.name + ".scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        rows = sum(part.rows for part, _ in parts)
        finder = Deduplicator(profile.deduplicate, scratch, rows=rows, timezone=profile.timezone)
        firsts = list(itertools.accumulate((part.read for part, _ in parts), initial=0))
        for first, (_, files) in zip(firsts, parts, strict=False):
            for frame in frames(files.fingerprints) if files.fingerprints.exists() else ():
                finder.take(_numbered(frame, first))
                progress()
        lost = finder.lost(progress)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    with Output(profile, target) as output:
        for first, (_, files) in zip(firsts, parts, strict=False):
            for frame in frames(files.table):
                output.add(without(_numbered(frame, first), lost))
                progress()
    return output.tally, len(lost) + sum(part.duplicate for part, _ in parts)


def _numbered(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    return frame.with_columns((pl.col("row") + first).cast(pl.UInt32))
