"""MAPPING: the spool becomes the mapped table; bad rows go to quarantine.jsonl, duplicates are dropped and counted."""

from __future__ import annotations

from lading.artifacts.blobs import storing
from lading.exports.mapping import MappingResult, map_spool
from lading.exports.model import Stage
from lading.exports.stages.work import Result, Work


def run(work: Work) -> Result:
    """Map every row and account for each."""
    total = work.results[Stage.QUERYING]["rows"]
    folder = work.folder("mapping")
    target, quarantine = folder / "table.arrow", folder / "quarantine.jsonl"
    plan = work.export.plan
    parameters = {**plan.parameters, "period_from": plan.period_from, "period_to": plan.period_to}
    with storing(folder):
        mapped = map_spool(
            work.profile,
            work.file(Stage.QUERYING, "rows"),
            target,
            quarantine,
            parameters=parameters,
            salt=work.salt,
            progress=lambda done: work.advance(done, total),
        )
    files = {"table": work.seal("mapping/table.arrow")}
    if quarantine.exists():
        files["quarantine"] = work.seal("mapping/quarantine.jsonl")
    return {"mapping": mapped.to_json(), "files": files}


def mapping_of(work: Work) -> MappingResult:
    """Return the result of this stage for the ones after it."""
    return MappingResult.from_json(work.results[Stage.MAPPING]["mapping"])
