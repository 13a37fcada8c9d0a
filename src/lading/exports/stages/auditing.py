"""
AUDITING: the package is read back from disk and verified as a stranger would, then the counts are reconciled.

A package that is to be encrypted is so after that (`sealing`); the plain one is then never handed out.

Nothing is published here: `sealed` says what the pipeline's last transaction will publish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from lading.artifacts import age
from lading.artifacts.verify import Report, verify
from lading.errors import StorageFailed
from lading.exports.model import NewArtifact, Sealed, Stage
from lading.exports.stages import sealing
from lading.exports.stages.mapping import mapping_of
from lading.exports.stages.work import Result, Work
from lading.ledger.trust import Trust

_MOST_INPUTS: Final = 500


def run(work: Work) -> Result:
    """Verify the package; a package that does not hold is never handed out."""
    bundled = work.results[Stage.BUNDLING]
    facts = bundled["files"]["package"]
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(work.blobs.digest, facts["key"])
        report = verify(work.blobs.path(facts["key"]), Trust.load(work.trust_file))
    mapped, plan = mapping_of(work), work.export.plan
    if report.manifest["rows"]["written"] != mapped.written or not report.is_pinned:
        raise StorageFailed("The package that was built is not the one that was meant; it is not handed out.")
    if digest.result() != facts["sha256"]:
        raise StorageFailed("The package changed on disk after it was built; it is not handed out.")
    cipher = sealing.encrypted(work, facts)
    work.advance(1, 1)
    return {
        "files": {"package": facts} if cipher is None else {"package": facts, "cipher": cipher},
        "rows": report.manifest["rows"],
        "verified_files": len(report.files),
        "inputs": [
            {"kind": "profile", "name": f"{plan.profile}@{plan.revision}", "sha256": work.profile_digest},
            *_read(work.results[Stage.QUERYING]),
        ],
        "packed": _packed(report),
    }


def sealed(results: Mapping[Stage, Result]) -> Sealed:
    """Return what completing the export publishes: the package, then the report's own files; encrypted, it alone."""
    bundled, audited = results[Stage.BUNDLING], results[Stage.AUDITING]
    package, inputs = audited["files"]["package"], audited["inputs"]
    reports = results[Stage.GENERATING]["reports"]
    artifacts = [_artifact(bundled["name"], "application/zip", package, [*inputs, *audited["packed"]])]
    artifacts += [_artifact(item["name"], item["media_type"], item, inputs) for item in reports]
    facts: dict[str, Any] = {}
    if (cipher := audited["files"].get("cipher")) is not None:
        # Nothing plain is handed out, not even the names and digests of what is inside.
        artifacts = [_artifact(f"{bundled['name']}{age.SUFFIX}", age.MEDIA_TYPE, cipher, inputs)]
        facts = {"cipher_sha256": cipher["sha256"], "cipher_size": cipher["size"]}
    return Sealed(
        artifacts=artifacts,
        rows=dict(audited["rows"]),
        warnings=bundled["warnings"],
        package_sha256=package["sha256"],
        facts={"package_size": package["size"], **facts, **_told(results)},
    )


def _told(results: Mapping[Stage, Result]) -> dict[str, Any]:
    """Return what a stage has to tell the ledger: the instant of a snapshot, the base of a delta."""
    return {**results[Stage.QUERYING].get("told", {}), **results[Stage.GENERATING].get("told", {})}


def _read(queried: Result) -> Iterator[dict[str, Any]]:
    """Yield what was read from the source; of parts the one digest of them all."""
    if "parts" in queried:
        yield {"kind": "rows", "name": f"{len(queried['parts'])} parts", "sha256": queried["parts_sha256"]}
    for kind in ("rows", "attachments"):
        if kind in queried["files"]:
            yield _input(kind, queried["files"][kind])


def _packed(report: Report) -> list[dict[str, Any]]:
    """Return what is in the package, attachments too, as far as a list may go; its manifest tells of all."""
    return [
        {"kind": "file", "name": each.member.name, "sha256": each.member.sha256, "size": each.member.size}
        for each in report.files[:_MOST_INPUTS]
    ]


def _input(kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "name": facts["key"].rpartition("/")[2], "sha256": facts["sha256"], "size": facts["size"]}


def _artifact(name: str, media_type: str, facts: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> NewArtifact:
    return NewArtifact(name, facts["key"], media_type, facts["size"], facts["sha256"], inputs)
