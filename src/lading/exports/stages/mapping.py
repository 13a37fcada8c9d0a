"""MAPPING: the spool becomes the mapped table; bad rows go to quarantine.jsonl, duplicates are dropped and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lading.artifacts.blobs import storing
from lading.exports.mapping import MappingResult, map_spool
from lading.exports.model import Stage
from lading.exports.part_mapping import merge
from lading.exports.stages import parting, querying
from lading.exports.stages.work import Result, Work
from lading.exports.tables import Incoming

_TABLE: Final = "table.arrow"
_QUARANTINE: Final = "quarantine.jsonl"


def run(work: Work) -> Result:
    """Map every row and account for each."""
    if work.intake is not None:
        return _mapped(work, Incoming(work.intake), None)
    if "parts" in work.results[Stage.QUERYING]:
        return _merged(work)
    return _mapped(work, work.file(Stage.QUERYING, "rows"), work.results[Stage.QUERYING]["rows"])


def _mapped(work: Work, source: Path | Incoming, total: int | None) -> Result:
    folder = work.folder("mapping")
    target, quarantine = folder / _TABLE, folder / _QUARANTINE
    with storing(folder):
        mapped = map_spool(
            work.profile,
            source,
            target,
            quarantine,
            parameters=querying.parameters(work),
            salt=work.salt,
            progress=lambda done: work.advance(done, total),
            outlet=None if work.outlet is None else work.outlet.put,
        )
    return _result(work, mapped)


def _merged(work: Work) -> Result:
    """Count the parts together; their rows are mapped already."""
    total = work.results[Stage.QUERYING]["rows"]
    folder = work.folder("mapping")
    with storing(folder):
        mapped = merge(
            work.profile,
            parting.found(work),
            folder / _TABLE,
            folder / _QUARANTINE,
            progress=lambda done: work.advance(done, total),
        )
    return _result(work, mapped)


def _result(work: Work, mapped: MappingResult) -> Result:
    made = [name for name in (_TABLE, _QUARANTINE) if (work.folder("mapping") / name).exists()]
    files = {name.partition(".")[0]: work.seal(f"mapping/{name}") for name in made}
    return {"mapping": mapped.to_json(), "files": files}


def table_of(work: Work) -> Path | list[Path]:
    """Return where the mapped table lies: one file, or one for each part."""
    if "table" in work.results[Stage.MAPPING]["files"]:
        return work.file(Stage.MAPPING, "table")
    return [files.table for _, files in parting.found(work)]


def mapping_of(work: Work) -> MappingResult:
    """Return the result of this stage for the ones after it; of a delta, with the rows that it left out."""
    generated = work.results.get(Stage.GENERATING, {})
    return MappingResult.from_json(generated.get("mapping") or work.results[Stage.MAPPING]["mapping"])
