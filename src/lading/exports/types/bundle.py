"""
The audit bundle: a span of the ledger, whole or about one export or job, with its proofs, as one signed file.

querying reads the lines once and makes everything that follows from them (`bundle_lines`); mapping takes the files that
were asked for; generating collects proofs and keys; bundling writes the bag; auditing lets the verifier that an auditor
has check it.  What is in it depends on the ledger, the request and the keys alone, not on when, where or by whom it is
made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from lading import canonical, ids
from lading.artifacts import registry
from lading.artifacts.blobs import storing
from lading.bundles import bag, guide
from lading.bundles import store as ledger
from lading.bundles.bag import File
from lading.errors import StorageFailed
from lading.exports.model import Stage
from lading.exports.stages.work import Result, Work
from lading.exports.types import bundle_lines, names, packing, store
from lading.exports.types.bundle_lines import PROOFS, read_lines
from lading.exports.types.bundle_requests import Wanted
from lading.ledger import instance
from lading.ledger.keys import KEYRING_FILE
from lading.wire.exports import Notice
from lading_verify import check, layout, notes, trust
from lading_verify.encoding import to_base64
from lading_verify.errors import Refused
from lading_verify.layout import Manifest

_PACKAGE: Final = packing.PACKAGE
_PAGE: Final = 500


def gather(work: Work) -> Result:
    """Link the files that were asked for and are still there, and read them against their digests."""
    queried = work.results[Stage.QUERYING]
    entries = queried["counts"]["entries"]
    files: dict[str, Any] = {}
    missing = 0
    content = Wanted.of(work.export.plan).content
    if content is not None:
        named: Sequence[Sequence[str]] = queried["made"]
        allowed = _allowed(work, named, content)
        for first in range(0, len(allowed), _PAGE):
            for sha256 in allowed[first : first + _PAGE]:
                facts = _linked(work, sha256)
                if facts is None:
                    missing += 1
                else:
                    files[layout.content_name(sha256)] = facts
            work.advance(first, len(allowed))
    notices = [
        Notice("content_missing", "Files are not kept any more; data/artifacts.jsonl names them.", missing),
        Notice(
            "replay_faults", "Entries tell what can't have happened; verify the bundle to see them.", queried["faults"]
        ),
    ]
    counts = packing.counted(read=entries, written=entries, warnings=[each for each in notices if each.count])
    return {"mapping": counts, "files": files}


def _allowed(work: Work, named: Sequence[Sequence[str]], content: str) -> list[str]:
    """Return the digests of the files that the bundle may hold: of no other bundle, and masked unless it is for all."""
    types: dict[str, bool] = {}
    exports = sorted({export for _, export in named})
    for first in range(0, len(exports), _PAGE):
        wanted = [ids.parse(ids.EXPORT, each) for each in exports[first : first + _PAGE]]
        for chosen in work.ask(_chosen(wanted)):
            unmasked = chosen.type == names.SNAPSHOT or bool(chosen.selector.get("unmasked"))
            types[ids.show(ids.EXPORT, chosen.id)] = chosen.type != names.AUDIT_BUNDLE and (
                content == "all" or not unmasked
            )
    return sorted({sha256 for sha256, export in named if types.get(export, False)})


def _linked(work: Work, sha256: str) -> dict[str, Any] | None:
    found = work.ask(lambda tx: registry.find(tx, [sha256])).get(sha256)
    if found is None or found.state != "live" or not work.blobs.exists(found.blob_key):
        return None
    key = work.key(f"content/{sha256}")
    work.blobs.link(found.blob_key, key)
    facts = {"key": key, "size": found.size, "sha256": sha256}
    return facts if work.blobs.is_whole(key, size=found.size, sha256=sha256) else None


# --- generating, bundling, auditing ---------------------------------------------------------------


def generate(work: Work) -> Result:
    """Lay proofs, keys and the guide."""
    queried = work.results[Stage.QUERYING]
    documents: dict[str, bytes] = {
        layout.HEAD: queried["note"].encode(),
        layout.GUIDE: guide.text(),
        **_keyring(work),
        **_logged(work),
    }
    if (start := queried["start"]) is not None:
        documents[layout.START_HEAD] = start["note"].encode()
        documents[layout.FRONTIER] = b"".join(
            to_base64(bytes.fromhex(each)).encode() + b"\n" for each in start["frontier"]
        )
    laid = {name: _kept(work, name, content) for name, content in documents.items()}
    return {"reports": [], "packed": [], "warnings": [], "files": laid}


def bundle(work: Work) -> Result:
    """Write the bag."""
    queried, wanted = work.results[Stage.QUERYING], Wanted.of(work.export.plan)
    with work.blobs.writer(work.key(_PACKAGE)) as sink:
        bag.build(
            sink,
            list(_files(work, queried)),
            manifest=_manifest(work, wanted, queried),
            signer=work.signer.signers()[0],
            progress=lambda done: work.advance(done, None),
        )
    about = "" if wanted.subject is None else f"-{wanted.subject}"
    warnings = work.results[Stage.MAPPING]["mapping"]["warnings"]
    return {
        "name": f"{work.export.tenant_slug}-{wanted.start}-{wanted.end}{about}.zip",
        "warnings": [dict(each) for each in warnings],
        "files": {"package": work.facts(_PACKAGE)},
    }


def audit(work: Work) -> Result:
    """Check the bundle as an auditor would; one that does not hold is never handed out."""
    facts, queried = work.results[Stage.BUNDLING]["files"]["package"], work.results[Stage.QUERYING]
    try:
        report = check.verify(work.blobs.path(facts["key"]), trust.load(work.trust_file))
    except Refused as refused:
        # Of what is in the ledger itself a bundle is the evidence, and its replay shows it to whoever looks.
        if not (queried["faults"] and refused.kind == "gap"):
            raise StorageFailed(f"The bundle does not hold and is not handed out. {refused}") from refused
    else:
        if not report.is_pinned:
            raise StorageFailed("The bundle was signed by another key than is believed here; it is not handed out.")
    if work.blobs.digest(facts["key"]) != facts["sha256"]:
        raise StorageFailed("The bundle changed on disk after it was built; it is not handed out.")
    bundle_lines.require_told(work, queried["counts"])
    work.advance(1, 1)
    entries = queried["counts"]["entries"]
    return {
        "files": {"package": facts},
        "rows": {"read": entries, "written": entries, "quarantined": 0, "duplicate": 0},
        "inputs": [],
        "packed": [],
    }


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {
    Stage.QUERYING: bundle_lines.query,
    Stage.MAPPING: gather,
    Stage.GENERATING: generate,
    Stage.BUNDLING: bundle,
    Stage.AUDITING: audit,
}


def _files(work: Work, queried: Mapping[str, Any]) -> Iterator[File]:
    for stage in (Stage.QUERYING, Stage.MAPPING, Stage.GENERATING):
        for name, facts in work.results[stage]["files"].items():
            if name != PROOFS:
                yield File(name, work.blobs.path(facts["key"]))
                continue
            for line in read_lines(work, PROOFS):
                told: Any = canonical.decode(line)
                path = [bytes.fromhex(step) for step in told["path"]]
                proof = notes.write_proof(told["index"], path, queried["note"].encode())
                yield File(layout.entry_proof_name(told["index"]), proof)


def _keyring(work: Work) -> dict[str, bytes]:
    """Return the chain of the keys; an installation from before there was one has none."""
    path = work.trust_file.with_name(KEYRING_FILE)
    with storing(path):
        return {layout.KEYRING: path.read_bytes()} if path.exists() else {}


def _logged(work: Work) -> Mapping[str, bytes]:
    """Return the proof that the head is in the instance's log, and its time stamp, as far as they were there."""
    wanted = Wanted.of(work.export.plan)
    if not wanted.is_logged:
        return {}
    found = work.ask(lambda tx: instance.logged(tx, size=wanted.end))
    if found is None:
        return {}
    stamp = work.ask(lambda tx: ledger.stamp(tx, found.head.size)) if wanted.is_stamped else None
    return {
        layout.INSTANCE_PROOF: found.proof,
        layout.INSTANCE_HEAD: found.head.note.encode(),
        **({} if stamp is None else {layout.INSTANCE_TIMESTAMP: stamp}),
    }


def _manifest(work: Work, wanted: Wanted, queried: Mapping[str, Any]) -> Manifest:
    return Manifest(
        origin=queried["origin"],
        tenant=ids.show(ids.TENANT, work.export.tenant_id),
        start=wanted.first,
        end=wanted.size,
        root=bytes.fromhex(queried["root"]),
        counts=queried["counts"],
        filter=None if wanted.subject is None else {"subject": wanted.subject},
    )


def _kept(work: Work, name: str, content: bytes) -> dict[str, Any]:
    key = f"bag/{name}"
    with work.blobs.writer(work.key(key)) as sink:
        sink.write(content)
    return work.facts(key)


def _chosen(wanted: Sequence[Any]) -> Callable[..., Any]:
    return lambda tx: store.named(tx, wanted)
