"""
The first rows of a source through the mapping of a profile: what an export would make of each, and nothing stored.

The mapping is the one of an export (`expressions.compile_plan`), masks included.  Who shows this to people runs it in a
child process (`previews`), because the libraries are heavy and the source may be slow.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import polars as pl
import pyarrow as pa

from lading.exports import attachments
from lading.exports.claims import Check
from lading.exports.dedupe import Deduplicator
from lading.exports.expressions import Plan, compile_plan
from lading.exports.formats.text import column_text
from lading.exports.profile import Profile
from lading.exports.tables import frame_of
from lading.exports.validation import message
from lading.sources.connector import Connector


def preview(
    profile: Profile,
    connector: Connector,
    *,
    parameters: Mapping[str, Any],
    salt: bytes,
    rows: int,
    papers: Path | None = None,
) -> dict[str, Any]:
    """
    Return what becomes of the first `rows` rows, as plain JSON values (wire.profiles.Preview).

    With the folder of the source's `papers` also what the attachments of the whole period come to.
    """
    told: dict[str, Any] = {}
    with connector.open() as reading:
        batches = reading.batches(profile.selection, parameters, key=profile.key)
        taken = _first(cast("Generator[pa.RecordBatch]", batches), rows)
        consistency = reading.consistency
        if papers is not None and profile.attachments is not None:
            listed = reading.batches(profile.attachments, parameters, key=attachments.KEY)
            told["attachments"] = asdict(attachments.tally(listed, papers))
    plan = compile_plan(profile, taken.schema, parameters=parameters, salt=salt)
    mapped = plan.apply(taken)
    return {
        "columns": [column.name for column in profile.columns],
        "rows": _rows(profile, plan, mapped, taken.height),
        "consistency": consistency,
        **told,
    }


def _first(batches: Generator[pa.RecordBatch], rows: int) -> pl.DataFrame:
    """Return the first rows as a frame; the rest is never read."""
    parts: list[pl.DataFrame] = []
    count = 0
    try:
        for batch in batches:
            part = frame_of(batch.slice(0, rows - count))
            count += part.height
            parts.append(part)
            if count >= rows:
                break
    finally:
        batches.close()
    return pl.concat(parts)


def _rows(profile: Profile, plan: Plan, mapped: pl.DataFrame, read: int) -> list[dict[str, Any]]:
    flags = mapped.select(f"e:{index}" for index in range(len(plan.checks))).rows() or [()] * mapped.height
    local = [
        pl.col(f"o:{index}").dt.convert_time_zone(profile.timezone)
        for index, column in enumerate(profile.columns)
        if column.type == "timestamp"
    ]
    texts = mapped.with_columns(local).select(
        column_text(column, pl.col(f"o:{index}"), mark=profile.csv.decimal).alias(column.name)
        for index, column in enumerate(profile.columns)
    )
    numbers = mapped["row"].to_list()
    bad = {row: _errors(plan.checks, marks) for row, marks in zip(numbers, flags, strict=True) if any(marks)}
    lost = _duplicates(profile, mapped, [row for row in numbers if row not in bad])
    cells = dict(zip(numbers, texts.rows(), strict=True))
    return [_row(row, cells.get(row), bad.get(row, []), is_duplicate=row in lost) for row in range(1, read + 1)]


def _row(row: int, cells: Sequence[Any] | None, errors: list[dict[str, str]], *, is_duplicate: bool) -> dict[str, Any]:
    outcome = "filtered" if cells is None else "quarantined" if errors else "duplicate" if is_duplicate else "written"
    shown = list(cells) if cells is not None and outcome == "written" else None
    return {"row": row, "outcome": outcome, "cells": shown, "errors": errors}


def _errors(checks: Sequence[Check], marks: Sequence[bool]) -> list[dict[str, str]]:
    return [
        {"code": check.code, "column": check.column, "message": message(check)}
        for check, is_set in zip(checks, marks, strict=True)
        if is_set
    ]


def _duplicates(profile: Profile, mapped: pl.DataFrame, good: Sequence[int]) -> set[int]:
    if profile.deduplicate is None or not good:
        return set()
    with tempfile.TemporaryDirectory(prefix="lading-preview-") as folder:
        finder = Deduplicator(profile.deduplicate, Path(folder), rows=len(good), timezone=profile.timezone)
        finder.add(mapped.filter(pl.col("row").is_in(list(good))))
        return set(finder.lost(lambda: None).to_list())
