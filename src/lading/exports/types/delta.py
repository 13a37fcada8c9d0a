"""
GENERATING of a delta: the full report is written as usual, compared with the base export's, and its changes remain.

Both files are put in the order of the key on disk, then read side by side: memory does not grow with rows.  The delta
has the format of both, with the column `change` in front: added and changed rows as they are now, removed ones as they
were.  Where the profile's key is not among the columns, a changed row is one removed and one added.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from lading import ids
from lading.artifacts.blobs import storing
from lading.errors import ExportError
from lading.exports import deltas, published
from lading.exports.model import Stage, StoredArtifact
from lading.exports.stages import generating
from lading.exports.stages.mapping import mapping_of
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


_OTHER_PERIOD: Final = Notice(
    "delta_of_another_period",
    "The base is of another period; rows that lie in one of the two alone are shown as added or removed.",
    1,
)


class BaseGone(ExportError):
    """The export that a delta is relative to has no files any more."""

    code = "base-gone"


def generate(work: Work) -> Result:
    """Write the delta."""
    base, files = work.ask(_of_base(work.export.plan.selector["base"]))
    before = deltas.report_of(files)
    if before is None or not work.blobs.seems_whole(before.blob_key, size=before.size, sha256=before.sha256):
        raise _gone(work)
    full = generating.run(work)
    after = full["reports"][0] if full["reports"] else None
    key, profile = deltas.key_columns(work.profile), work.profile
    scratch = work.folder("delta")
    target = work.blobs.path(work.key("out/delta"))
    try:
        with storing(scratch), _lent(work, before) as old:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            now = None if after is None else work.blobs.path(after["key"])
            counts = _write(work, old, now, target=target, key=key, scratch=scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    stem = profile.file_stem(work.export.plan.period_from, work.export.plan.period_to)
    name = f"{stem}.{work.export.plan.format}"
    report = {"name": name, "media_type": before.media_type, **work.seal("out/delta")}
    return {
        "reports": [report],
        "warnings": [*full["warnings"], *(asdict(notice) for notice in _notices(work, base, has_key=bool(key)))],
        "mapping": _counted(work, unchanged=counts["unchanged"]),
        "told": {
            "variant": deltas.VARIANT,
            "base": _told(base, before, files),
            "changes": {kind: counts[kind] for kind in _KINDS},
        },
        "files": {"delta": report},
    }


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {Stage.GENERATING: generate}


@contextmanager
def _lent(work: Work, before: StoredArtifact) -> Generator[Path]:
    """Give a path to the report of the base until the block ends."""
    with work.blobs.lent(
        before.blob_key, size=before.size, sha256=before.sha256, advance=lambda _done: work.advance(0, None)
    ) as path:
        if path is None:
            raise _gone(work)
        yield path


def _gone(work: Work) -> BaseGone:
    return BaseGone(f"The base {work.export.plan.selector['base']} has no whole files any more; ask for all rows.")


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


def _notices(work: Work, base: Chosen, *, has_key: bool) -> Iterator[Notice]:
    plan = work.export.plan
    if not has_key:
        yield _NO_KEY
    if (base.period_from, base.period_to) != (plan.period_from, plan.period_to):
        yield _OTHER_PERIOD
    if bad := _warned(base)["rows_quarantined"]:
        message = "The base left bad rows out; those that are good by now are shown as added."
        yield Notice("delta_base_without_bad_rows", message, bad)


def _warned(base: Chosen) -> Counter[str]:
    counts = Counter[str]()
    for each in base.warnings:
        counts[each["code"]] += each["count"]
    return counts


def _counted(work: Work, *, unchanged: int) -> dict[str, Any]:
    """Return the counts of the rows that were read: those that did not change are not written."""
    mapped = mapping_of(work)
    return replace(mapped, written=mapped.written - unchanged, filtered=mapped.filtered + unchanged).to_json()


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
        **({"warnings": dict(sorted(warned.items()))} if (warned := _warned(base)) else {}),
    }
