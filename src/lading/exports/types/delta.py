"""
GENERATING of a delta: the full report is written as usual, compared with the base export's, and its changes remain.

Both files are put in the order of the key on disk, then read side by side: memory does not grow with rows.  The delta
has the format of both, with the column `change` in front: added and changed rows as they are now, removed ones as they
were.  Where the profile's key is not among the columns, a changed row is one removed and one added.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from lading import ids
from lading.artifacts.blobs import storing
from lading.errors import ExportError
from lading.exports import deltas, published
from lading.exports.model import Stage, StoredArtifact
from lading.exports.stages import generating
from lading.exports.stages.work import Result, Work
from lading.exports.types import comparing, delta_files, report_rows, store
from lading.exports.types.store import Chosen
from lading.wire.exports import Notice

_KINDS: Final = ("added", "changed", "removed", "unchanged")
_NO_KEY: Final = Notice(
    "delta_without_key",
    "The key of the profile is not among its columns; a changed row is shown as one removed and one added.",
    1,
)


class BaseGone(ExportError):
    """The export that a delta is relative to has no files any more."""

    code = "base-gone"


def generate(work: Work) -> Result:
    """Write the delta."""
    base, files = work.ask(_of_base(work.export.plan.selector["base"]))
    before = deltas.report_of(files)
    if before is None or not work.blobs.is_whole(before.blob_key, size=before.size, sha256=before.sha256):
        raise BaseGone(f"The base {work.export.plan.selector['base']} has no whole files any more; ask for all rows.")
    full = generating.run(work)
    after = full["reports"][0] if full["reports"] else None
    key, profile = deltas.key_columns(work.profile), work.profile
    scratch = work.folder("delta")
    target = work.blobs.path(work.key("out/delta"))
    try:
        with storing(scratch):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            now = None if after is None else work.blobs.path(after["key"])
            counts = _write(work, work.blobs.path(before.blob_key), now, target=target, key=key, scratch=scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    stem = profile.file_stem(work.export.plan.period_from, work.export.plan.period_to)
    name = f"{stem}.{work.export.plan.format}"
    report = {"name": name, "media_type": before.media_type, **work.seal("out/delta")}
    return {
        "reports": [report],
        "warnings": [] if key else [asdict(_NO_KEY)],
        "told": {
            "variant": deltas.VARIANT,
            "base": _told(base, before, files),
            "changes": {kind: counts[kind] for kind in _KINDS},
        },
        "files": {"delta": report},
    }


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {Stage.GENERATING: generate}


def _write(
    work: Work, before: Path, after: Path | None, *, target: Path, key: Sequence[str], scratch: Path
) -> Counter[str]:
    form, profile, counts = work.export.plan.format, work.profile, Counter[str]()
    old = report_rows.read(before, form, profile, key)
    new = iter(()) if after is None else report_rows.read(after, form, profile, key)
    with delta_files.writer(form, profile, after or before, target) as file:
        for frame, same in comparing.changes(old, new, scratch):
            file.add(frame)
            counts.update(frame[comparing.CHANGE].to_list())
            counts["unchanged"] += same
            work.advance(counts.total(), None)
    return counts


def _of_base(text: str) -> Callable[..., Any]:
    base_id = ids.parse(ids.EXPORT, text)

    async def question(tx: Any) -> tuple[Chosen, list[StoredArtifact]]:
        [base] = await store.named(tx, [base_id])
        return base, (await published.of_exports(tx, [base_id]))[base_id]

    return question


def _told(base: Chosen, report: StoredArtifact, files: Sequence[StoredArtifact]) -> dict[str, Any]:
    """Return what the manifest says of the base: which export it is, and the digests of what it handed out."""
    return {
        "export": ids.show(ids.EXPORT, base.id),
        "revision": base.revision,
        "period": {"from": base.period_from.isoformat(), "to": base.period_to.isoformat()},
        "file": {"name": report.name, "sha256": report.sha256},
        "package_sha256": files[0].sha256,
    }
