"""
The snapshot: tables of a database, or what a profile reads, as they stood at one instant, with their schema.

querying reads everything in one look at the source; generating writes a file for each table and `schema.json`.  Rows
are as the source has them: no mapping, no mask.  What the source calls the instant goes into the ledger with the
export's completion, not into the files: the same rows give the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lading.artifacts.blobs import storing
from lading.exports.calls import reached
from lading.exports.model import Stage
from lading.exports.stages import querying
from lading.exports.stages.work import Result, Work
from lading.exports.types import packing, tables, writers
from lading.exports.types.packing import JSON, Laid
from lading.exports.types.tables import Column
from lading.sources.connector import Reading

_SCRATCH: Final = "sorting"


def query(work: Work) -> Result:
    """Spool every table in one look at the source."""
    scratch = work.folder(_SCRATCH)
    try:
        with reached(work, scratch=scratch).open() as reading:
            found = list(_spooled(work, reading))
            at = tables.moment(reading, work.source.kind)
            consistency = reading.consistency
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return {
        "consistency": consistency,
        "told": {"snapshot": at} if at else {},
        "tables": found,
        "files": {f"table-{number}": table["spool"] for number, table in enumerate(found)},
    }


def count(work: Work) -> Result:
    """Pass every row on as it stands."""
    rows = sum(table["rows"] for table in work.results[Stage.QUERYING]["tables"])
    work.advance(rows, rows)
    return {"mapping": packing.counted(read=rows, written=rows), "files": {}}


def generate(work: Work) -> Result:
    """Write each table in the format that was asked for, and the schema of all."""
    queried, form = work.results[Stage.QUERYING], work.export.plan.format
    total, done = sum(table["rows"] for table in queried["tables"]), 0
    files: list[Laid] = []
    for number, table in enumerate(queried["tables"]):
        key = f"out/table-{number}"
        target = work.blobs.path(work.key(key))
        with storing(target):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            spool = work.blobs.path(table["spool"]["key"])
            for written in writers.write(form, spool, target):
                work.advance(done + written, total)
        done += table["rows"]
        files.append(packing.sealed(work, key, f"{table['name']}.{form}", writers.MEDIA_TYPES[form]))
    schema = packing.lay(work, "out/schema", "schema.json", JSON, packing.pretty(_schema(work, files)))
    every = [schema, *files]
    return packing.handed_out(every, every)


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {
    Stage.QUERYING: query,
    Stage.MAPPING: count,
    Stage.GENERATING: generate,
    Stage.BUNDLING: packing.bundle,
}


def _spooled(work: Work, reading: Reading) -> Iterator[dict[str, Any]]:
    base, kind, selector = 0, work.source.kind, work.export.plan.selector
    wanted: Sequence[str] = selector.get("tables", ())
    for number, table in enumerate(wanted or [selector["profile"]]):
        known = len(reading.rewritten)
        if wanted:
            columns, key = tables.described(reading, kind, table)
            known = len(reading.rewritten)  # what the catalogue's own columns were read as is nobody's business
            rows = tables.rows_of(reading, kind, table, columns, key)
        else:
            columns, key = None, work.profile.key
            rows = reading.batches(work.profile.selection, querying.parameters(work), key=key)
        count, spool = querying.spool(work, f"table-{number}.arrow", rows, base=base)
        base += count
        told = {each.column: each for each in reading.rewritten[known:]}
        if columns is None:
            columns = [Column(name, None, None) for name in writers.names(work.blobs.path(spool["key"]))]
        yield {
            "name": table,
            "rows": count,
            "key": list(key),
            "spool": spool,
            "columns": [
                replace(
                    each,
                    type=each.type or (told[each.name].type if each.name in told else None),
                    read_as=told[each.name].read_as if each.name in told else None,
                ).to_json()
                for each in columns
            ],
        }


def _schema(work: Work, files: Sequence[Laid]) -> dict[str, Any]:
    plan, queried = work.export.plan, work.results[Stage.QUERYING]
    return {
        "schema_version": "lading.snapshot/1",
        "tenant": work.export.tenant_slug,
        "kind": work.source.kind,
        "consistency": queried["consistency"],
        "format": plan.format,
        **plan.selector,
        **({"parameters": dict(plan.parameters)} if "profile" in plan.selector else {}),
        "tables": [
            {
                "name": table["name"],
                "file": file.name,
                "rows": table["rows"],
                "size": file.facts["size"],
                "sha256": file.facts["sha256"],
                "key": table["key"],
                "columns": [
                    {**column, "stored_as": stored}
                    for column, stored in zip(table["columns"], _stored(work, table), strict=True)
                ],
            }
            for table, file in zip(queried["tables"], files, strict=True)
        ],
    }


def _stored(work: Work, table: Mapping[str, Any]) -> list[str]:
    path: Path = work.blobs.path(table["spool"]["key"])
    return writers.types(path)
