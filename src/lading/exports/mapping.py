"""
The mapping stage: a spool of source rows becomes the mapped table, with every row accounted for.

`map_spool` streams batches, so memory does not grow with rows.  Order of the output is order of the source; the same
spool, profile, parameters and salt give the same table.  read = written + quarantined + duplicate + filtered.  The
mapped table has the output columns in order and typed; how they are rendered is the business of `exports/formats`.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from lading.errors import NoData
from lading.exports import casting
from lading.exports.dedupe import Deduplicator, without
from lading.exports.expressions import Plan, compile_plan
from lading.exports.profile import Profile
from lading.exports.tables import TableWriter, estimate_rows, frames, schema_of
from lading.exports.validation import Quarantine
from lading.wire.exports import Notice

MAX_NOTICES: Final = 50
# Only a word that looks like a code is named in a warning; free text might be about a person.
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WHOLE: Final = pl.Decimal(38, 0)


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
    source: Path,
    target: Path,
    quarantine: Path,
    *,
    parameters: Mapping[str, Any],
    salt: bytes,
    progress: Callable[[int], None] = lambda _: None,
) -> MappingResult:
    """
    Write the mapped table to `target` and bad rows, if any, to `quarantine`; return the counts.

    `parameters` are the admitted ones with `period_from` and `period_to`; `salt` is the tenant's, at least 16 bytes if
    the profile makes pseudonyms.  `progress` is called with the rows read so far; what it raises ends the mapping.
    Raises ProfileInvalid where profile and spool do not fit, TooManyBadRows, NoData.
    """
    plan = compile_plan(profile, schema_of(source), parameters=parameters, salt=salt)
    bad = Quarantine(quarantine, plan, profile)
    scratch = target.with_name(target.name + ".scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    quarantine.unlink(missing_ok=True)
    try:
        with _Output(profile, plan, target) as output:
            kept = _Kept()
            good = _good_rows(plan, bad, source, kept, progress)
            read, duplicate = _written(profile, good, output, source=source, scratch=scratch, progress=progress)
        bad.close(kept.rows)
        if kept.rows == 0 and profile.on_empty == "fail":
            raise NoData(f"The query of profile {profile.name} gave no row for this period and these parameters.")
        warnings = tuple(_warnings(profile, output, duplicate, bad.count, kept.rows))
        left_out = read - kept.rows
        return MappingResult(read, output.rows, bad.count, duplicate, warnings, bad.codes, output.totals(), left_out)
    finally:
        bad.abandon()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(slots=True)
class _Kept:
    """How many rows the filter kept."""

    rows: int = 0


def _good_rows(
    plan: Plan, bad: Quarantine, source: Path, kept: _Kept, progress: Callable[[int], None]
) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the number of rows read so far and the good ones among the newest, which know their `row`."""
    read = 0
    for frame in frames(source):
        mapped = plan.apply(frame, first=read + 1)
        read += frame.height
        kept.rows += mapped.height
        yield read, bad.sift(mapped)
        progress(read)


def _written(
    profile: Profile,
    good: Iterator[tuple[int, pl.DataFrame]],
    output: _Output,
    *,
    source: Path,
    scratch: Path,
    progress: Callable[[int], None],
) -> tuple[int, int]:
    """Write the good rows without duplicates; return rows read and duplicates."""
    read = 0
    if profile.deduplicate is None:
        for so_far, frame in good:
            output.add(frame)
            read = so_far
        return read, 0
    scratch.mkdir()
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


class _Output:
    """The mapped table while it grows, with the counts that only written rows may enter."""

    def __init__(self, profile: Profile, plan: Plan, target: Path) -> None:
        self._profile = profile
        self._names = {f"o:{index}": column.name for index, column in enumerate(plan.columns)}
        self._fallbacks = plan.with_fallback
        types = {f"o:{index}": casting.dtype_of(column) for index, column in enumerate(plan.columns)}
        self._writer = TableWriter(target, pl.Schema({self._names[key]: kind for key, kind in types.items()}))
        fallbacks: dict[str, pl.DataType] = {f"w:{index}": pl.String() for index in plan.with_fallback}
        self.held_schema = pl.Schema({"row": pl.UInt32(), **types, **fallbacks})
        self.fell_back: dict[int, Counter[str]] = {index: Counter() for index in plan.with_fallback}
        self.rows = 0
        self._sums: dict[str, Any] = dict.fromkeys(profile.totals.columns, 0) if profile.totals else {}

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._writer.__exit__(*exc)

    def add(self, frame: pl.DataFrame) -> None:
        """Append good rows."""
        self.rows += frame.height
        for index in self._fallbacks:
            values = frame[f"w:{index}"].drop_nulls()
            if len(values):
                self._count(self.fell_back[index], values)
        table = frame.select(pl.col(key).alias(name) for key, name in self._names.items())
        for name, kind in (self._profile.totals.columns if self._profile.totals else {}).items():
            self._sums[name] += _total(table[name], kind)
        self._writer.add(table)

    def totals(self) -> dict[str, str]:
        """Return each total as exact text."""
        return {
            name: format(total, "f") if not isinstance(total, int) else str(total) for name, total in self._sums.items()
        }

    @staticmethod
    def _count(counter: Counter[str], values: pl.Series) -> None:
        for value, count in values.value_counts().iter_rows():
            name = value if _CODE.fullmatch(value) and (value in counter or len(counter) < MAX_NOTICES) else ""
            counter[name] += count


def _total(values: pl.Series, kind: str) -> Any:
    if kind == "count":
        return values.len() - values.null_count()
    if values.dtype.is_integer():
        return int(values.cast(_WHOLE).sum() or 0)  # a sum of int64 may pass int64
    return values.sum() or 0


def _warnings(profile: Profile, output: _Output, duplicate: int, quarantined: int, kept: int) -> Iterator[Notice]:
    if kept == 0:
        yield Notice("no_rows", "The query gave no row for this period and these parameters.", 1)
    if quarantined:
        yield Notice(
            "rows_quarantined", "Bad rows were left out; the package lists them in quarantine.jsonl.", quarantined
        )
    if duplicate:
        fingerprint = ", ".join(profile.deduplicate.fingerprint) if profile.deduplicate else ""
        yield Notice("duplicates_removed", f"Rows with the same {fingerprint} were counted once.", duplicate)
    for index, counts in output.fell_back.items():
        column = profile.columns[index]
        for value, count in sorted(counts.items()):
            which = f"The value {value}" if value else "Another value"
            yield Notice(
                "value_not_mapped",
                f'{which} is not known to column "{column.name}"; it was written as {column.fallback}.',
                count,
            )
