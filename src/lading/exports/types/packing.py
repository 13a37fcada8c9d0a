"""
What the types without a profile do alike: files with their names, the counts, the package around them.

`Laid` remembers a file of a stage for those after it; `mapping` and `bundle` are stages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from lading.artifacts import package
from lading.artifacts.blobs import storing
from lading.artifacts.manifest import Facts, ProfileFacts, RowFacts, Warned
from lading.artifacts.package import PackedFile
from lading.exports.mapping import MappingResult
from lading.exports.model import Stage
from lading.exports.stages.mapping import mapping_of
from lading.exports.stages.work import Result, Work
from lading.wire.exports import Notice

PACKAGE: Final = "out/package.zip"
JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv; charset=utf-8"
PDF: Final = "application/pdf"


@dataclass(frozen=True, slots=True)
class Laid:
    """A file of the package: what it is called there, and where it lies."""

    name: str
    media_type: str
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the file as plain JSON values, for a checkpoint."""
        return {"name": self.name, "media_type": self.media_type, **self.facts}


def pretty(value: Any) -> bytes:
    """Return a document for people and programs: the same value gives the same bytes."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def lay(work: Work, key: str, name: str, media_type: str, content: bytes | Iterable[bytes]) -> Laid:
    """Write a file: a small one, or piece by piece."""
    with work.blobs.writer(work.key(key)) as sink:
        for piece in (content,) if isinstance(content, bytes) else content:
            sink.write(piece)
    return Laid(name, media_type, work.facts(key))


def sealed(work: Work, key: str, name: str, media_type: str) -> Laid:
    """Make a file that was written durable."""
    return Laid(name, media_type, work.seal(key))


def counted(*, read: int, written: int, filtered: int = 0, warnings: Sequence[Notice] = ()) -> dict[str, Any]:
    """Return the counts as the stage after mapping expects them."""
    return MappingResult(read, written, 0, 0, tuple(warnings), {}, {}, filtered).to_json()


def handed_out(files: Sequence[Laid], packed: Sequence[Laid]) -> Result:
    """Return what the generating stage gives: `files` are handed out beside the package, `packed` are in it."""
    every = {each.facts["key"]: dict(each.facts) for each in (*files, *packed)}
    return {
        "reports": [each.to_json() for each in files],
        "packed": [each.to_json() for each in packed],
        "warnings": [],
        "files": {str(number): facts for number, facts in enumerate(every.values())},
    }


def bundle(work: Work) -> Result:
    """Build the package."""
    mapped, plan, profile = mapping_of(work), work.export.plan, work.profile
    warnings = [asdict(notice) for notice in mapped.warnings]
    files = [
        PackedFile(item["name"], work.blobs.path(item["key"]), item["media_type"])
        for item in work.results[Stage.GENERATING]["packed"]
    ]
    with storing(work.blobs.root):
        total = sum(file.path.stat().st_size for file in files)
    facts = Facts(
        profile=ProfileFacts(
            profile.name, plan.revision, work.profile_digest, profile.type, profile.title, profile.schema_version
        ),
        tenant=work.export.tenant_slug,
        period_from=plan.period_from.isoformat(),
        period_to=plan.period_to.isoformat(),
        format=plan.format,
        rows=RowFacts(mapped.read, mapped.written, 0, 0, mapped.filtered),
        parameters={**plan.parameters, **plan.selector},
        warnings=[Warned(item["code"], item["message"], item["count"]) for item in warnings],
        consistency=str(work.results[Stage.QUERYING]["consistency"]),
    )
    with work.blobs.writer(work.key(PACKAGE)) as sink:
        package.build(
            sink, reports=files, facts=facts, signer=work.signer, progress=lambda done: work.advance(done, total)
        )
    name = f"{profile.file_stem(plan.period_from, plan.period_to)}.zip"
    return {"name": name, "warnings": warnings, "files": {"package": work.facts(PACKAGE)}}
