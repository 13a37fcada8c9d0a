"""BUNDLING: report, attachments, quarantine, manifest and signed statement become the one package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pyarrow import ipc

from lading.artifacts import package
from lading.artifacts.manifest import Facts, ProfileFacts, RowFacts, Warned
from lading.artifacts.package import PackedFile, Ready
from lading.exports import attachments
from lading.exports.attachments import Found
from lading.exports.calls import FETCHED
from lading.exports.mapping import MappingResult
from lading.exports.model import Stage
from lading.exports.stages.mapping import mapping_of
from lading.exports.stages.packing import Packed
from lading.exports.stages.work import Result, Work

_NAME: Final = "out/package.zip"
_NONE: Final = Found((), 0, 0)


def run(work: Work) -> Result:
    """Build the package."""
    found = _attachments(work)
    mapped = mapping_of(work)
    warnings = [*mapped.to_json()["warnings"], *work.results[Stage.GENERATING]["warnings"], *_warnings(found)]
    reports = [
        PackedFile(item["name"], work.blobs.path(item["key"]), item["media_type"], ready=_ready(work, item))
        for item in work.results[Stage.GENERATING]["reports"]
    ]
    quarantine = (
        work.file(Stage.MAPPING, "quarantine") if "quarantine" in work.results[Stage.MAPPING]["files"] else None
    )
    total = sum(item.path.stat().st_size for item in (*reports, *found.files))
    with work.blobs.writer(work.key(_NAME)) as sink:
        package.build(
            sink,
            reports=reports,
            attachments=found.files,
            quarantine=quarantine,
            facts=_facts(work, mapped, warnings, missing=found.missing + found.outside),
            signer=work.signer,
            progress=lambda done: work.advance(done, total),
        )
    name = f"{work.profile.file_stem(work.export.plan.period_from, work.export.plan.period_to)}.zip"
    return {"name": name, "warnings": warnings, "files": {"package": work.facts(_NAME)}}


def _ready(work: Work, report: Mapping[str, Any]) -> Ready | None:
    """Return the deflated text of a report, if this attempt deflated it while it was written."""
    packed: Packed | None = work.packed.result() if work.packed is not None else None
    if packed is None or packed.facts.size != report["size"]:
        return None
    return Ready(packed.path, packed.facts, report["sha256"])


def _attachments(work: Work) -> Found:
    if "attachments" not in work.results[Stage.QUERYING]["files"]:
        return _NONE
    is_fetched = FETCHED in work.results[Stage.QUERYING]["files"]
    directory = (
        work.file(Stage.QUERYING, FETCHED).parent
        if is_fetched
        else attachments.directory_of(work.source.attachments_ref)
    )
    with ipc.open_file(work.file(Stage.QUERYING, "attachments")) as reader:
        batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
        return attachments.locate((row for batch in batches for row in attachments.rows(batch)), directory)


def _warnings(found: Found) -> list[dict[str, Any]]:
    warnings: list[dict[str, Any]] = []
    if found.missing:
        message = "Attachments that the source lists are not in its directory; they were left out."
        warnings.append({"code": "attachments_missing", "message": message, "count": found.missing})
    if found.outside:
        message = "Attachments point outside the source's directory; they were left out."
        warnings.append({"code": "attachments_outside", "message": message, "count": found.outside})
    return warnings


def _facts(work: Work, mapped: MappingResult, warnings: list[dict[str, Any]], *, missing: int) -> Facts:
    plan, profile = work.export.plan, work.profile
    return Facts(
        profile=ProfileFacts(
            profile.name, plan.revision, work.profile_digest, profile.type, profile.title, profile.schema_version
        ),
        tenant=work.export.tenant_slug,
        period_from=plan.period_from.isoformat(),
        period_to=plan.period_to.isoformat(),
        format=plan.format,
        rows=RowFacts(mapped.read, mapped.written, mapped.quarantined, mapped.duplicate, mapped.filtered),
        parameters={
            **plan.parameters,
            "include_attachments": plan.include_attachments,
            **work.results[Stage.GENERATING].get("told", {}),
        },
        warnings=[Warned(item["code"], item["message"], item["count"]) for item in warnings],
        quarantine_codes=mapped.codes,
        missing_attachments=missing,
        consistency=work.results[Stage.QUERYING]["consistency"],
        parts=len(work.results[Stage.QUERYING]["parts"]) if "parts" in work.results[Stage.QUERYING] else None,
    )
