"""GENERATING: the mapped table becomes the report in the receiver's format."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from lading.artifacts.blobs import storing
from lading.exports import formats
from lading.exports.formats import Report, ReportFacts, ReportFile
from lading.exports.mapping import MappingResult
from lading.exports.model import Stage
from lading.exports.stages import parting
from lading.exports.stages.mapping import mapping_of, table_of
from lading.exports.stages.work import Result, Work


def run(work: Work) -> Result:
    """Write the report's files."""
    plan, mapped = work.export.plan, mapping_of(work)
    if mapped.read == mapped.filtered and work.profile.on_empty == "none":
        return {"reports": [], "warnings": [], "files": {}}
    folder = work.folder("out")
    facts = ReportFacts(work.export.tenant_name, plan.period_from, plan.period_to, plan.parameters)
    with storing(folder):
        written = _written(work, mapped, facts, folder)
    reports: list[dict[str, Any]] = []
    for number, file in enumerate(written):
        # A plain name on disk: what the report is called may hold letters that no blob key has.
        path = folder / f"report-{number}"
        with storing(path):
            file.path.replace(path)
        reports.append({"name": file.name, "media_type": file.media_type, **work.seal(f"out/{path.name}")})
    return {
        "reports": reports,
        "warnings": [asdict(notice) for file in written for notice in file.notices],
        "files": {item["key"].rpartition("/")[2]: item for item in reports},
    }


def _written(work: Work, mapped: MappingResult, facts: ReportFacts, folder: Path) -> list[ReportFile]:
    form, profile = work.export.plan.format, work.profile

    def progress(done: int) -> None:
        work.advance(done, mapped.written)

    if "parts" in work.results[Stage.QUERYING] and parting.writes_text(work):
        texts, changed = parting.texts(work)
        return formats.join(form, Report(profile, (), mapped, facts, folder, progress), texts, changed=changed)
    return formats.write(
        form, profile, table=table_of(work), result=mapped, facts=facts, folder=folder, progress=progress
    )
