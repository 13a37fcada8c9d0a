"""
The evidence pack: selected exports with their files, what the ledger says of them, and a cover that a person reads.

querying lists the exports and links their files, which no retention can take away any more; mapping reads every byte
of them against its digest and takes the ledger's extract; generating writes index and cover.  What is gone is named
with its tombstone.  Nothing in it depends on when or where it is made: it knows what was so at `as_of`.
"""

from __future__ import annotations

import datetime
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from lading import clock, ids
from lading.artifacts import manifest, statement
from lading.errors import StorageFailed
from lading.exports import published
from lading.exports.model import Stage, StoredArtifact
from lading.exports.stages.work import Result, Work
from lading.exports.types import cover, extract, packing, store
from lading.exports.types.extract import NotInTree
from lading.exports.types.packing import JSON, NDJSON, Laid
from lading.exports.types.store import Chosen
from lading.ledger import tiles
from lading.ledger.store import StoredEntry
from lading.wire.exports import Notice

_MAX_FILES: Final = 10_000
_ZIP: Final = "application/zip"
_ENDS: Final = frozenset({"export.deleted", "export.expired"})
_DOCUMENTS: Final = (manifest.NAME, statement.NAME)


def query(work: Work) -> Result:
    """List the exports with their files, and give each file a second name of this export's own."""
    wanted = [ids.parse(ids.EXPORT, each) for each in work.export.plan.selector["exports"]]
    chosen, artifacts = work.ask(_listed(wanted))
    known = {each.id for each in chosen}
    listed: list[dict[str, Any]] = []
    for number, each in enumerate(chosen):
        files, lost = _linked(work, number, artifacts.get(each.id, ()))
        listed.append({**_facts(each), "files": files, "lost": lost})
        work.advance(number + 1, len(wanted))
    if lacking := [ids.show(ids.EXPORT, each) for each in wanted if each not in known]:
        raise StorageFailed(f"{lacking[0]} is no longer in the database; restore it, or select without it.")
    # Their names are this export's alone: an attempt that finds one gone lists them again.
    linked = {file["key"].rpartition("/")[2]: _placed(file) for each in listed for file in each["files"]}
    return {"consistency": "ledger-as-of", "exports": listed, "files": linked}


def gather(work: Work) -> Result:
    """Read every file against its digest, and take what the ledger says."""
    as_of = clock.parse(work.export.plan.selector["as_of"])
    listed: list[dict[str, Any]] = [dict(each) for each in work.results[Stage.QUERYING]["exports"]]
    _verify(work, listed)
    subjects = [each["id"] for each in listed]
    extract.wait_until_told(work, subjects, as_of)
    subjects += _jobs(work, subjects, as_of)
    extract.wait_until_told(work, subjects, as_of)
    history = _History()
    told = packing.lay(
        work, "ledger.ndjson", "ledger.ndjson", NDJSON, history.read(extract.entries(work, subjects, as_of))
    )
    is_pruned = work.ask(tiles.tree).min_index > 0
    if not history.indexes and is_pruned:
        raise StorageFailed("The ledger was pruned of all that it said about these exports; select others.")
    if not history.indexes:
        raise NotInTree("The ledger has no entry about these exports yet; retry.")
    proved = extract.proved(work, history.indexes, last=history.indexes[-1])
    proofs = packing.lay(work, "proofs.json", "proofs.json", JSON, extract.document(proved))
    _tell(listed, history, is_pruned=is_pruned)
    ledger = {
        "entries": len(history.indexes), "first": history.indexes[0], "last": history.indexes[-1],
        "origin": proved.origin, "size": proved.head.size, "root_sha256": proved.head.root.hex(), "keyid": proved.keyid,
    }  # fmt: skip
    gone = sum(len(each["missing"]) for each in listed)
    pruned = sum("pruned" in each for each in listed)
    notices = [
        Notice("evidence_missing", "Files are gone; the cover names them with their tombstones.", gone),
        Notice("evidence_pruned", "Exports whose first entries are gone: the ledger was pruned since.", pruned),
    ]
    counts = packing.counted(
        read=len(listed),
        written=sum(not each["missing"] for each in listed),
        filtered=sum(bool(each["missing"]) for each in listed),
        warnings=[each for each in notices if each.count],
    )
    return {
        "mapping": counts,
        "exports": listed,
        "ledger": ledger,
        "laid": [told.to_json(), proofs.to_json()],
        "files": {"ledger": dict(told.facts), "proofs": dict(proofs.facts)},
    }


def generate(work: Work) -> Result:
    """Write the index, the documents of each package, and the cover."""
    gathered = work.results[Stage.MAPPING]
    listed: Sequence[Mapping[str, Any]] = gathered["exports"]
    index = packing.lay(work, "evidence.json", "evidence.json", JSON, packing.pretty(_index(work, gathered)))
    day = datetime.date.fromisoformat(work.export.plan.selector["as_of"][:10])
    front = cover.write(work, gathered, dated=day)
    content = [
        Laid(f"exports/{each['id']}/{file['name']}", file["media_type"], _placed(file))
        for each in listed
        for file in each["files"]
    ]
    documents = [laid for each in listed for laid in _documents(work, each)]
    kept = [Laid(item["name"], item["media_type"], _placed(item)) for item in gathered["laid"]]
    return packing.handed_out([front], [front, index, *kept, *documents, *content])


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {
    Stage.QUERYING: query,
    Stage.MAPPING: gather,
    Stage.GENERATING: generate,
    Stage.BUNDLING: packing.bundle,
}


# --- what there is --------------------------------------------------------------------------------


def _listed(wanted: Sequence[UUID]) -> Callable[..., Any]:
    async def question(tx: Any) -> tuple[list[Chosen], dict[UUID, list[StoredArtifact]]]:
        chosen = await store.named(tx, wanted)
        return chosen, await published.of_exports(tx, [each.id for each in chosen])

    return question


def _facts(each: Chosen) -> dict[str, Any]:
    return {
        "id": ids.show(ids.EXPORT, each.id),
        "type": each.type,
        "profile": each.profile,
        "revision": each.revision,
        "format": each.format,
        "period": {"from": each.period_from.isoformat(), "to": each.period_to.isoformat()},
        "parameters": dict(each.parameters),
        "selector": dict(each.selector),
        "state": each.state,
        "asked_by": each.requested_by,
        "asked_at": clock.show(each.created_at),
        "ended_at": None if each.ended_at is None else clock.show(each.ended_at),
        "rows_written": each.rows_written,
    }


def _linked(
    work: Work, number: int, artifacts: Sequence[StoredArtifact]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the files that are there, linked, and those whose bytes are not where they should be."""
    files: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    for place, artifact in enumerate(artifacts):
        told = {key: asdict(artifact)[key] for key in ("name", "media_type", "size", "sha256")}
        key = work.key(f"content/{number}-{place}")
        if work.blobs.exists(artifact.blob_key):
            work.blobs.link(artifact.blob_key, key)
            files.append({**told, "key": key})
        else:
            lost.append(told)
    return files, lost


def _verify(work: Work, listed: Sequence[dict[str, Any]]) -> None:
    """Move each file that does not have its digest to what is lost."""
    total = sum(file["size"] for each in listed for file in each["files"])
    done = 0
    for each in listed:
        whole: list[dict[str, Any]] = []
        for file in each["files"]:
            if work.blobs.is_whole(file["key"], size=file["size"], sha256=file["sha256"]):
                whole.append(file)
            else:
                each["lost"] = [*each["lost"], {key: file[key] for key in ("name", "media_type", "size", "sha256")}]
            done += file["size"]
            work.advance(done, total)
        each["files"] = whole
    if sum(len(each["files"]) for each in listed) > _MAX_FILES:
        raise StorageFailed(f"These exports have more than {_MAX_FILES} files; select fewer.")


def _jobs(work: Work, exports: Sequence[str], as_of: datetime.datetime) -> list[str]:
    """Return the jobs and runs that the entries of these exports name: those that made them."""
    named: set[str] = set()
    for entry in extract.entries(work, exports, as_of):
        data = extract.read(entry)["data"]
        named.update(str(data[each]) for each in ("job", "run") if data.get(each))
    return sorted(named)


class _History:
    """What is kept of the entries that were read: their places, and of each export how it ended."""

    def __init__(self) -> None:
        self.indexes: Final[list[int]] = []
        self.of: Final[dict[str, list[int]]] = defaultdict(list)
        self.tombstones: Final[dict[str, dict[str, Any]]] = {}
        self.packages: Final[dict[str, dict[str, Any]]] = {}
        self.begun: Final[set[str]] = set()

    def read(self, entries: Iterable[StoredEntry]) -> Iterator[bytes]:
        """Yield each entry as a line of the extract, and remember it."""
        for entry in entries:
            line = extract.read(entry)
            subject = line["subject"]
            self.indexes.append(entry.index)
            self.of[subject].append(entry.index)
            if line["type"] == "export.created":
                self.begun.add(subject)
            if line["type"] in _ENDS:
                self.tombstones[subject] = _tombstone(entry.index, line)
            if line["type"] == "export.completed":
                self.packages[subject] = {name: line["data"].get(f"package_{name}") for name in ("size", "sha256")}
            yield entry.line + b"\n"


def _tell(listed: Sequence[dict[str, Any]], history: _History, *, is_pruned: bool) -> None:
    """Let each export know its missing files with the tombstone that the ledger has of them, and missing entries."""
    for each in listed:
        tombstone, package = history.tombstones.get(each["id"]), history.packages.get(each["id"])
        lost = each.pop("lost")
        each["missing"] = [{**file, "reason": "not-whole", "tombstone": tombstone} for file in lost]
        if package is not None and not each["files"] and not lost:
            gone = {"name": "package", "media_type": _ZIP, **package, "reason": each["state"], "tombstone": tombstone}
            each["missing"].append(gone)
        each["entries"] = history.of[each["id"]]
        if is_pruned and each["id"] not in history.begun:
            each["pruned"] = True


def _tombstone(index: int, line: Mapping[str, Any]) -> dict[str, Any]:
    return {"index": index, "type": line["type"], "at": line["at"], "actor": line["actor"]}


# --- what is written ------------------------------------------------------------------------------


def _placed(file: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": file["key"], "size": file["size"], "sha256": file["sha256"]}


def _index(work: Work, gathered: Mapping[str, Any]) -> dict[str, Any]:
    selector = work.export.plan.selector
    return {
        "schema_version": "lading.evidence/1",
        "tenant": work.export.tenant_slug,
        "as_of": selector["as_of"],
        "asked": selector.get("asked", {"exports": selector["exports"]}),
        "asked_by": work.export.requested_by,
        "ledger": gathered["ledger"],
        "exports": [
            {
                **{key: value for key, value in each.items() if key != "files"},
                "files": [
                    {
                        "file": f"exports/{each['id']}/{file['name']}",
                        **{key: value for key, value in file.items() if key != "key"},
                    }
                    for file in each["files"]
                ],
            }
            for each in gathered["exports"]
        ],
    }


def _documents(work: Work, each: Mapping[str, Any]) -> Iterator[Laid]:
    """Yield manifest and signed statement of the export's package, as files of their own."""
    for file in each["files"]:
        if file["media_type"] != _ZIP:
            continue
        for name, content in _inside(work.blobs.path(file["key"])):
            key = f"documents/{file['key'].rpartition('/')[2]}-{name}"
            yield packing.lay(work, key, f"exports/{each['id']}/{name}", JSON, content)


def _inside(path: Path) -> list[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [(name, archive.read(name)) for name in _DOCUMENTS if name in archive.namelist()]
    except (zipfile.BadZipFile, OSError):
        return []  # a file that is no package of ours has no such documents
