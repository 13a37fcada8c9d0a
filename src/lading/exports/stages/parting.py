"""
QUERYING in parts: the keys at which parts end, and each part's rows read, mapped and, if its format joins, written.

A part is one look at the source for one range of keys.  What it leaves is durable before anybody hears of it, so that
an attempt that dies loses the part it was at and no other.  The rest of the pipeline sees what it would see of an
export that was read at once, but for the word about consistency.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, cast

from lading import canonical
from lading.artifacts.blobs import storing
from lading.errors import SourceRefused
from lading.exports import formats
from lading.exports.formats import Report, ReportFacts
from lading.exports.mapping import MappingResult
from lading.exports.model import Stage
from lading.exports.part_mapping import MappedPart, PartFiles, map_part
from lading.exports.parts import CONSISTENCY, Part, planned
from lading.exports.profile import Profile
from lading.exports.stages import querying
from lading.exports.stages.work import Result, Work
from lading.sources.connector import PartedReading, Reading
from lading.sources.connectors import connect
from lading.sources.model import Size, Source

_TABLE: Final = "table"
_TEXT: Final = "text"
_SCRATCH: Final = "sorting"


def plan(work: Work) -> Sequence[Part]:
    """Return the parts of the export: ranges of keys that leave no row out."""
    size = cast("Size", work.profile.parts)
    with connect(work.source, scratch=work.folder(_SCRATCH)).open() as reading:
        ends = _parted(work, reading).boundaries(
            work.profile.selection, querying.parameters(work), key=work.profile.key, size=size
        )
        return planned(_watched(work, ends))


def read(work: Work, part: Part) -> Result:
    """Read, map and seal one part."""
    name = f"parts/{part.number:03}"
    folder = work.folder(name)
    spool, profile = folder / "rows.arrow", work.profile
    with connect(work.source, scratch=work.folder(_SCRATCH)).open() as reading:
        batches = _parted(work, reading).part(
            profile.selection, querying.parameters(work), key=profile.key, within=part.within
        )
        with storing(spool), spool.open("wb") as sink:
            querying.write_rows(work, sink, batches, base=0)
        rewritten = querying.rewritten(reading)
    files = _files(folder)
    with storing(folder):
        for path in (files.quarantine, files.fingerprints):
            path.unlink(missing_ok=True)
        mapped = map_part(
            profile,
            spool,
            files,
            parameters=querying.parameters(work),
            salt=work.salt,
            progress=lambda done: work.advance(done, None),
        )
        spool.unlink()
    changed = 0
    if writes_text(work):
        with storing(folder):
            report = _report(work, files.table, mapped.rows, folder, progress=mapped.read)
            changed = formats.write_rows(work.export.plan.format, report, folder / _TEXT)
            files.table.unlink()
    made = {path.name: work.seal(f"{name}/{path.name}") for path in sorted(folder.iterdir()) if path.is_file()}
    told = {"mapped": asdict(mapped), "changed": changed, "rewritten": rewritten, "files": made}
    return {**told, "source": place_of(work.source)}


def place_of(source: Source) -> str:
    """Return a digest of where the rows of a source lie: two parts of one export must not come from two places."""
    place: dict[str, Any] = {
        "kind": source.kind, "options": dict(source.options), "credentials": source.credentials_ref,
        "attachments": source.attachments_ref,
    }  # fmt: skip
    return hashlib.sha256(canonical.encode(place)).hexdigest()


def require_place(work: Work, parts: Sequence[Part]) -> None:
    """Return if those of the parts that are done came from where the source leads now."""
    here = place_of(work.source)
    if any(part.result is not None and part.result.get("source") != here for part in parts):
        raise SourceRefused(
            f"Source {work.source.name} was changed to another place while the parts of this export were read; "
            "retry the export, which reads all of them there."
        )


def gather(work: Work, parts: Sequence[Part]) -> Result:
    """Return what QUERYING leaves when every part is done: the parts, and the list of attachments if it is wanted."""
    results = [cast("Result", part.result) for part in parts]
    files = {
        f"{number}/{name}": facts for number, result in enumerate(results) for name, facts in result["files"].items()
    }
    count, listed = 0, dict[str, Any]()
    if work.export.plan.include_attachments and work.profile.attachments is not None:
        scratch = work.folder("sorting")
        try:
            with connect(work.source, scratch=scratch).open() as reading:
                count, listed["attachments"] = querying.spool_attachments(work, reading, base=0)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    digests = "".join(f"{name} {facts['sha256']}\n" for name, facts in files.items())
    return {
        "rows": sum(mapped_of(result).read for result in results),
        "attachments": count,
        "consistency": CONSISTENCY,
        "rewritten": results[0]["rewritten"],
        "parts": [{name: result[name] for name in ("mapped", "changed")} for result in results],
        "parts_sha256": hashlib.sha256(digests.encode()).hexdigest(),
        "files": {**files, **listed},
    }


def writes_text(work: Work) -> bool:
    """Return whether parts leave the text of their rows: not where a duplicate in another part may take one away."""
    return work.profile.deduplicate is None and formats.joins(work.export.plan.format)


def found(work: Work) -> list[tuple[MappedPart, PartFiles]]:
    """Return the parts that QUERYING left."""
    queried = work.results[Stage.QUERYING]
    return [(mapped_of(part), _found(work, number)) for number, part in enumerate(queried["parts"])]


def texts(work: Work) -> tuple[list[Path], int]:
    """Return the files with the text of each part's rows, and how much was changed in all."""
    queried = work.results[Stage.QUERYING]
    paths = [work.file(Stage.QUERYING, f"{number}/{_TEXT}") for number in range(len(queried["parts"]))]
    return paths, sum(part["changed"] for part in queried["parts"])


def mapped_of(part: Result) -> MappedPart:
    """Return what became of the rows of a part."""
    told: dict[str, Any] = {**part["mapped"]}
    told["checks"] = [tuple(check) for check in told["checks"]]
    return MappedPart(**told)


def _files(folder: Path) -> PartFiles:
    return PartFiles(folder / _TABLE, folder / "quarantine", folder / "fingerprints")


def _found(work: Work, number: int) -> PartFiles:
    """Return where the files of a part lie: together, wherever they were made."""
    files = work.results[Stage.QUERYING]["files"]
    key = next(files[f"{number}/{name}"]["key"] for name in (_TABLE, _TEXT) if f"{number}/{name}" in files)
    return _files(work.blobs.path(key).parent)


def _parted(work: Work, reading: Reading) -> PartedReading:
    if not isinstance(reading, PartedReading):
        raise SourceRefused(
            f"Sources of kind {work.source.kind} can't be read in parts; leave source.parts out of profile "
            f"{work.profile.name}."
        )
    return reading


def _watched(work: Work, ends: Any) -> Any:
    for number, end in enumerate(ends):
        work.advance(number, None)
        yield end


def _report(work: Work, table: Path, rows: int, folder: Path, *, progress: int) -> Report:
    plan, profile = work.export.plan, work.profile
    facts = ReportFacts(work.export.tenant_name, plan.period_from, plan.period_to, plan.parameters)
    counted = MappingResult(rows, rows, 0, 0, (), {}, dict.fromkeys(_totals(profile), "0"))
    return Report(profile, table, counted, facts, folder, lambda _: work.advance(progress, None))


def _totals(profile: Profile) -> Sequence[str]:
    return list(profile.totals.columns) if profile.totals else []
