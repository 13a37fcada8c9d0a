"""
AUDITING: the package is read back from disk and verified as a stranger would, then the counts are reconciled.

Nothing is published here: `sealed` says what the pipeline's last transaction will publish.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lading.artifacts.verify import verify
from lading.errors import StorageFailed
from lading.exports.model import Sealed, Stage, StoredArtifact
from lading.exports.stages.mapping import mapping_of
from lading.exports.stages.work import Result, Work
from lading.ledger.trust import Trust


def run(work: Work) -> Result:
    """Verify the package; a package that does not hold is never handed out."""
    bundled = work.results[Stage.BUNDLING]
    facts = bundled["files"]["package"]
    report = verify(work.blobs.path(facts["key"]), Trust.load(work.trust_file))
    mapped = mapping_of(work)
    if report.manifest["rows"]["written"] != mapped.written or not report.is_pinned:
        raise StorageFailed("The package that was built is not the one that was meant; it is not handed out.")
    if work.blobs.digest(facts["key"]) != facts["sha256"]:
        raise StorageFailed("The package changed on disk after it was built; it is not handed out.")
    work.advance(1, 1)
    return {"files": {"package": facts}, "rows": report.manifest["rows"], "verified_files": len(report.files)}


def sealed(results: Mapping[Stage, Result]) -> Sealed:
    """Return what completing the export publishes: the package, then the report's own files."""
    bundled, audited = results[Stage.BUNDLING], results[Stage.AUDITING]
    package = audited["files"]["package"]
    artifacts = [_artifact(bundled["name"], "application/zip", package)]
    artifacts += [_artifact(item["name"], item["media_type"], item) for item in results[Stage.GENERATING]["reports"]]
    return Sealed(
        artifacts=artifacts,
        rows=dict(audited["rows"]),
        warnings=bundled["warnings"],
        package_sha256=package["sha256"],
        facts={"package_size": package["size"]},
    )


def _artifact(name: str, media_type: str, facts: Mapping[str, Any]) -> StoredArtifact:
    return StoredArtifact(name, facts["key"], media_type, facts["size"], facts["sha256"], 0)
