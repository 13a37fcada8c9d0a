"""
QUERYING: the rows of the period, read once in one look at the source, kept as an Arrow spool.

Every later stage works on the spool, so a retry never asks the source again.  Attachments are listed in the same
look.  What kind of source it is, only its connector knows.  The order of rows is the profile's key, the batches have a
fixed size: the same data makes the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, BinaryIO, Final

import pyarrow as pa
from pyarrow import ipc

from lading.exports import attachments
from lading.exports.calls import FETCHED, reached
from lading.exports.stages.work import Result, Work
from lading.sources.connector import Connector, FetchingReading, Reading

_SCRATCH: Final = "sorting"


def run(work: Work) -> Result:
    """Spool the rows, and the list of attachments when they are wanted."""
    scratch = work.folder(_SCRATCH)
    try:
        return _read(work, reached(work, scratch=scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def parameters(work: Work) -> dict[str, Any]:
    """Return what the profile's queries may name."""
    plan = work.export.plan
    return {**plan.parameters, "period_from": plan.period_from, "period_to": plan.period_to}


def _read(work: Work, source: Connector) -> Result:
    files: dict[str, Any] = {}
    with source.open() as reading:
        rows = reading.batches(work.profile.selection, parameters(work), key=work.profile.key)
        count, files["rows"] = spool(work, "rows.arrow", rows, base=0)
        work = replace(work, outlet=None)
        listed_count = 0
        if work.export.plan.include_attachments and work.profile.attachments is not None:
            listed_count, files["attachments"] = spool_attachments(work, reading, base=count)
            if isinstance(reading, FetchingReading) and reading.fetched is not None:
                files[FETCHED] = work.seal(f"{FETCHED}/{reading.fetched.name}")
        told = {"consistency": reading.consistency, "rewritten": rewritten(reading)}
    return {"rows": count, "attachments": listed_count, **told, "files": files}


def spool_attachments(work: Work, reading: Reading, *, base: int) -> tuple[int, dict[str, Any]]:
    """Spool the list of attachments; return their number and what is remembered of the file."""
    assert work.profile.attachments is not None
    listed = attachments.listed(reading.batches(work.profile.attachments, parameters(work), key=attachments.KEY))
    return spool(work, "attachments.arrow", listed, base=base)


def spool(work: Work, name: str, batches: Iterator[pa.RecordBatch], *, base: int) -> tuple[int, dict[str, Any]]:
    """Keep the rows in the file `name`; return their number and what is remembered of the file."""
    with work.blobs.writer(work.key(name)) as sink:
        count = write_rows(work, sink, batches, base=base)
    return count, work.facts(name)


def write_rows(work: Work, sink: BinaryIO, batches: Iterator[pa.RecordBatch], *, base: int) -> int:
    """Write the rows as an Arrow file; return their number."""
    count, first = 0, next(batches)
    schema, rows = first.schema, chain([first], batches)
    del first  # as rows may be wide, each batch is held as long as it is needed
    options = ipc.IpcWriteOptions(compression="lz4")
    with ipc.new_file(sink, schema, options=options) as writer:
        if work.outlet is not None:
            work.outlet.begin(schema, sink)
        for batch in rows:
            place = sink.tell()
            if batch.num_rows:
                writer.write_batch(batch)
                if work.outlet is not None:
                    work.outlet.add(batch, sink, place)
            count += batch.num_rows
            work.advance(base + count, None)
    return count


def rewritten(reading: Reading) -> list[dict[str, str]]:
    """Return the columns that were not read as they stand, as plain JSON values."""
    return [{"column": item.column, "type": item.type, "read_as": item.read_as} for item in reading.rewritten]
