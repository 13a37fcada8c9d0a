"""GENERATING: the mapped table becomes the report in the receiver's format."""

from __future__ import annotations

from collections.abc import Callable
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
    plan, is_ahead = work.export.plan, work.intake is not None
    if not is_ahead and _is_left_out(work):
        return {"reports": [], "warnings": [], "files": {}}
    folder = work.folder("out")
    facts = ReportFacts(work.export.tenant_name, plan.period_from, plan.period_to, plan.parameters)
    with storing(folder):
        written = _ahead(work, facts, folder) if is_ahead else _written(work, mapping_of(work), facts, folder)
        if is_ahead and _is_left_out(work):
            for file in written:
                file.path.unlink()
            return {"reports": [], "warnings": [], "files": {}}
    reports: list[dict[str, Any]] = []
    for number, file in enumerate(written):
        # A plain name on disk: what the report is called may hold letters that no blob key has.
        path = folder / f"report-{number}"
        with storing(path):
            file.path.replace(path)
        sealed = work.seal(f"out/{path.name}", sha256=file.sha256)
        reports.append({"name": file.name, "media_type": file.media_type, **sealed})
    return {
        "reports": reports,
        "warnings": [asdict(notice) for file in written for notice in file.notices],
        "files": {item["key"].rpartition("/")[2]: item for item in reports},
    }


def _is_left_out(work: Work) -> bool:
    """Return whether the profile wants no report, as there is no row."""
    mapped = mapping_of(work)
    return mapped.read == mapped.filtered and work.profile.on_empty == "none"


def _ahead(work: Work, facts: ReportFacts, folder: Path) -> list[ReportFile]:
    """Write the report of rows that are still being mapped."""
    return formats.write(
        work.export.plan.format,
        work.profile,
        table=work.intake,
        result=lambda: mapping_of(work),
        facts=facts,
        folder=folder,
        progress=lambda done: work.advance(done, None),
        outlet=_outlet(work),
    )


def _outlet(work: Work) -> Callable[[bytes], None] | None:
    return None if work.outlet is None else work.outlet.put


def _written(work: Work, mapped: MappingResult, facts: ReportFacts, folder: Path) -> list[ReportFile]:
    form, profile = work.export.plan.format, work.profile

    def progress(done: int) -> None:
        work.advance(done, mapped.written)

    if "parts" in work.results[Stage.QUERYING] and parting.writes_text(work):
        texts, changed = parting.texts(work)
        return formats.join(form, Report(profile, (), mapped, facts, folder, progress), texts, changed=changed)
    return formats.write(
        form,
        profile,
        table=table_of(work),
        result=mapped,
        facts=facts,
        folder=folder,
        progress=progress,
        outlet=_outlet(work),
    )
