"""
QUERYING: the rows of the period, read once in one look at the source, kept as an Arrow spool.

Every later stage works on the spool, so a retry never asks the source again.  Attachments are listed in the same
look.  What kind of source it is, only its connector knows.  The order of rows is the profile's key, the batches have a
fixed size: the same data makes the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
from pyarrow import ipc

from lading.errors import ProfileInvalid
from lading.exports import attachments
from lading.exports.stages.work import Result, Work
from lading.sources.connector import Connector, Reading
from lading.sources.connectors import connect

_SCRATCH: Final = "sorting"
_ATTACHMENT_KEY: Final = ("attachment_id",)


def run(work: Work) -> Result:
    """Spool the rows, and the list of attachments when they are wanted."""
    scratch = work.folder(_SCRATCH)
    try:
        return _read(work, connect(work.source, scratch=scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _read(work: Work, source: Connector) -> Result:
    plan = work.export.plan
    parameters = {**plan.parameters, "period_from": plan.period_from, "period_to": plan.period_to}
    files: dict[str, Any] = {}
    with source.open() as reading:
        rows = reading.batches(work.profile.selection, parameters, key=work.profile.key)
        count, files["rows"] = _spool(work, "rows.arrow", rows, base=0)
        listed_count = 0
        if plan.include_attachments and work.profile.attachments is not None:
            listed = _with_columns(reading.batches(work.profile.attachments, parameters, key=_ATTACHMENT_KEY))
            listed_count, files["attachments"] = _spool(work, "attachments.arrow", listed, base=count)
        told = {"consistency": reading.consistency, "rewritten": _rewritten(reading)}
    return {"rows": count, "attachments": listed_count, **told, "files": files}


def _spool(work: Work, name: str, batches: Iterator[pa.RecordBatch], *, base: int) -> tuple[int, dict[str, Any]]:
    key, count = work.key(name), 0
    options = ipc.IpcWriteOptions(compression="lz4")
    with work.blobs.writer(key) as sink:
        first = next(batches)
        with ipc.new_file(sink, first.schema, options=options) as writer:
            for batch in _chain(first, batches):
                if batch.num_rows:
                    writer.write_batch(batch)
                count += batch.num_rows
                work.advance(base + count, None)
    return count, work.facts(name)


def _with_columns(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if lacking := [name for name in attachments.COLUMNS if name not in batch.schema.names]:
            raise ProfileInvalid(
                f"The attachments query of the profile lacks the columns {', '.join(lacking)}; add them."
            )
        yield batch


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _rewritten(reading: Reading) -> list[dict[str, str]]:
    return [{"column": item.column, "type": item.type, "read_as": item.read_as} for item in reading.rewritten]
