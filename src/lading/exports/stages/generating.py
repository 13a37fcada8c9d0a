"""
GENERATING: the mapped table becomes the report in the receiver's format.
"""

from __future__ import annotations

from lading.artifacts.blobs import storing
from lading.exports import formats
from lading.exports.formats import ReportFacts
from lading.exports.model import Stage
from lading.exports.stages.mapping import mapping_of
from lading.exports.stages.work import Result, Work


def run(work: Work) -> Result:
    """Write the report's files."""
    plan, mapped = work.export.plan, mapping_of(work)
    if mapped.read == 0 and work.profile.on_empty == "none":
        return {"reports": [], "files": {}}
    folder = work.folder("out")
    with storing(folder):
        written = formats.write(
            plan.format,
            work.profile,
            work.file(Stage.MAPPING, "table"),
            mapped,
            ReportFacts(
                organisation=work.export.tenant_name,
                period_from=plan.period_from,
                period_to=plan.period_to,
                parameters=plan.parameters,
            ),
            folder,
            lambda done: work.advance(done, mapped.written),
        )
    reports = []
    for number, file in enumerate(written):
        # A plain name on disk: what the report is called may hold letters that no blob key has.
        path = folder / f"report-{number}"
        with storing(path):
            file.path.replace(path)
        reports.append({"name": file.name, "media_type": file.media_type, **work.seal(f"out/{path.name}")})
    return {"reports": reports, "files": {item["key"].rpartition("/")[2]: item for item in reports}}
