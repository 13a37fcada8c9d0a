"""
The audit bundle: a span of the ledger, whole or about one export or job, with its proofs, as one signed file.

querying reads the lines once and makes everything that follows from them; mapping takes the files that were asked for;
generating collects proofs and keys; bundling writes the bag; auditing lets the verifier that an auditor has check it.
What is in it depends on the ledger, the span and the keys alone, not on when, where or by whom it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading import canonical, ids
from lading.artifacts import registry
from lading.artifacts.blobs import storing
from lading.bundles import bag, guide, history
from lading.bundles import store as ledger
from lading.bundles.bag import File
from lading.bundles.history import Choice
from lading.bundles.provenance import Provenance
from lading.errors import Conflict, ExportError, PackageInvalid, StorageFailed, TooLarge
from lading.exports.model import Stage
from lading.exports.stages.work import Result, Work
from lading.exports.types import names, packing, store
from lading.exports.types.bundle_requests import Wanted
from lading.exports.types.extract import NotInTree
from lading.ledger import heads, tiles
from lading.ledger.heads import Head
from lading.ledger.keys import KEYRING_FILE
from lading.ledger.store import SignedHead, StoredEntry
from lading.ledger.trust import Trust
from lading.wire.exports import Notice
from lading_verify import layout, notes
from lading_verify.encoding import to_base64
from lading_verify.fold import Fold
from lading_verify.layout import Manifest
from lading_verify.merkle import Tree

MAX_CHOSEN: Final = 20_000
_PACKAGE: Final = packing.PACKAGE
_PROOFS: Final = "proofs.jsonl"
"""Of a working file that is no file of the bundle."""
_PAGE: Final = 500
_PATHS: Final = 100


class HeadGone(ExportError):
    """The head that a bundle ends with is not there any more: the ledger was restored from a backup."""

    code = "ledger-behind"
    retryable = False


class NothingChosen(ExportError):
    """Nothing in the span is about what the bundle was to be about."""

    code = "no-data"
    retryable = False


# --- querying: the lines --------------------------------------------------------------------------


def query(work: Work) -> Result:
    """Write the lines of the span and what follows from them."""
    wanted = Wanted.of(work.export.plan)
    head, signed = _head(work, wanted.end)
    made = _whole(work, wanted, head, signed) if wanted.subject is None else _partial(work, wanted, wanted.subject)
    root = signed.root.hex()
    laid = {
        layout.HISTORY: work.facts("history.jsonl"),
        **made.laid,
        **_provenance(work, made.provenance, signed, wanted.end),
    }
    return {
        "consistency": "ledger-as-of",
        "counts": dict(made.counts),
        "start": made.start,
        "made": sorted({(each.sha256, each.export) for each in made.provenance.made}),
        "origin": signed.origin,
        "root": root,
        "note": head.note,
        "told": {"bundle": {"start": wanted.start, "end": wanted.end, "root_sha256": root, **made.counts}},
        "files": laid,
    }


@dataclass(frozen=True, slots=True)
class _Made:
    """What one pass over the lines gave."""

    counts: Mapping[str, int]
    provenance: Provenance
    laid: Mapping[str, Any]
    start: Mapping[str, Any] | None = None


def _whole(work: Work, wanted: Wanted, head: SignedHead, signed: Head) -> _Made:
    laid: dict[str, Any] = {}
    tree, before = _begin(work, wanted)
    start = None
    if wanted.first:
        started = _head(work, wanted.start)[0]
        if tree.root() != started.root:
            raise _changed(signed, wanted.start)
        start = {"note": started.note, "frontier": [each.hex() for each in tree.hashes]}
    if before is not None:
        laid[layout.START_STATE] = _lines(work, "state.start.jsonl", before.state())
    fold = Fold(None if before is None else _read_lines(work, "state.start.jsonl"))
    provenance = Provenance()
    with work.blobs.writer(work.key("history.jsonl")) as sink:
        entries = history.whole(
            _pages(work, wanted.start, wanted.end), sink, base=wanted.base, fold=fold, tree=tree,
            provenance=provenance, advance=lambda done: work.advance(done, wanted.end - wanted.start),
        )  # fmt: skip
    if tree.root() != head.root or tree.size != wanted.size:
        raise _changed(signed, wanted.end)
    return _Made({**_projections(work, fold, laid), "entries": entries}, provenance, laid, start)


def _partial(work: Work, wanted: Wanted, subject: str) -> _Made:
    laid: dict[str, Any] = {}
    fold, provenance = Fold(None, partial=True), Provenance()
    with work.blobs.writer(work.key("history.jsonl")) as sink:
        leaves = history.chosen(
            _pages(work, wanted.start, wanted.end), sink, base=wanted.base, choice=Choice(subject), fold=fold,
            provenance=provenance, advance=lambda done: work.advance(done, wanted.end - wanted.start),
        )  # fmt: skip
    if not leaves:
        raise NothingChosen(f"No entry of this span is about {subject}; ask for an earlier or a longer one.")
    if len(leaves) > MAX_CHOSEN:
        raise TooLarge(f"{len(leaves)} entries are about {subject}; ask for a shorter span, or for a whole bundle.")
    laid[_PROOFS] = _lines(work, _PROOFS, _proofs(work, wanted, leaves))
    return _Made({**_projections(work, fold, laid), "entries": len(leaves)}, provenance, laid)


def _proofs(work: Work, wanted: Wanted, leaves: Sequence[int]) -> Iterator[bytes]:
    """Yield the path of each leaf to the root of the head that the bundle ends with."""
    for first in range(0, len(leaves), _PATHS):
        page = leaves[first : first + _PATHS]
        try:
            paths = work.ask(_paths(wanted, page))
        except Conflict as error:
            raise NotInTree(error.message) from error
        for leaf, path in zip(page, paths, strict=True):
            yield canonical.encode({"index": leaf, "path": [step.hex() for step in path]})
        work.advance(first, len(leaves))


def _begin(work: Work, wanted: Wanted) -> tuple[Tree, Fold | None]:
    """Return the tree as it stands where the span begins, and the states of then, as far as entries of it are kept."""
    if not wanted.first:
        return Tree(), None
    known = work.ask(lambda tx: tiles.tree(tx, epoch=wanted.epoch))
    if known.min_index > wanted.base:
        frontier = work.ask(lambda tx: tiles.frontier_at(tx, wanted.first, log=known))
        return Tree(frontier.size, frontier.hashes), None
    tree, fold = Tree(), Fold(None)
    history.before(
        _pages(work, wanted.base, wanted.start), base=wanted.base, fold=fold, tree=tree,
        advance=lambda done: work.advance(done, None),
    )  # fmt: skip
    return tree, fold


def _projections(work: Work, fold: Fold, laid: dict[str, Any]) -> dict[str, int]:
    counts = {"disclosures": 0}
    for name, lines in (
        (layout.JOBS, fold.jobs()),
        (layout.THROTTLES, fold.throttles()),
        (layout.ARTIFACTS, fold.artifacts()),
    ):
        key = name.rpartition("/")[2]
        counted = _Counted(lines)
        laid[name] = _lines(work, key, counted)
        counts[key.removesuffix(".jsonl")] = counted.count
    return counts


def _provenance(work: Work, provenance: Provenance, signed: Head, end: int) -> dict[str, Any]:
    if not provenance.made:
        return {}
    stated = provenance.statements(
        lambda exports: work.ask(lambda tx: ledger.asked(tx, exports, end=end)),
        origin=signed.origin,
        signer=work.signer.signers()[0],
    )
    return {layout.ATTESTED: _lines(work, "artifacts.intoto.jsonl", stated)}


# --- mapping: the files ---------------------------------------------------------------------------


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
    notice = Notice("content_missing", "Files are not kept any more; data/artifacts.jsonl names them.", missing)
    counts = packing.counted(read=entries, written=entries, warnings=[notice] if missing else [])
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
    facts = work.results[Stage.BUNDLING]["files"]["package"]
    entries = work.results[Stage.QUERYING]["counts"]["entries"]
    if work.blobs.digest(facts["key"]) != facts["sha256"]:
        raise StorageFailed("The bundle changed on disk after it was built; it is not handed out.")
    work.advance(1, 1)
    return {
        "files": {"package": facts},
        "rows": {"read": entries, "written": entries, "quarantined": 0, "duplicate": 0},
        "inputs": [],
        "packed": [],
    }


STAGES: Final[Mapping[Stage, Callable[[Work], Result]]] = {
    Stage.QUERYING: query,
    Stage.MAPPING: gather,
    Stage.GENERATING: generate,
    Stage.BUNDLING: bundle,
    Stage.AUDITING: audit,
}


def _files(work: Work, queried: Mapping[str, Any]) -> Iterator[File]:
    for stage in (Stage.QUERYING, Stage.MAPPING, Stage.GENERATING):
        for name, facts in work.results[stage]["files"].items():
            if name != _PROOFS:
                yield File(name, work.blobs.path(facts["key"]))
                continue
            for line in _read_lines(work, _PROOFS):
                told: Any = canonical.decode(line)
                path = [bytes.fromhex(step) for step in told["path"]]
                proof = notes.write_proof(told["index"], path, queried["note"].encode())
                yield File(layout.entry_proof_name(told["index"]), proof)


def _keyring(work: Work) -> dict[str, bytes]:
    """Return the chain of the keys; an installation from before there was one has none."""
    path = work.trust_file.with_name(KEYRING_FILE)
    with storing(path):
        return {layout.KEYRING: path.read_bytes()} if path.exists() else {}


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


# --- small things ---------------------------------------------------------------------------------


class _Counted:
    """Lines on their way, counted."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines: Final = lines
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.count += 1
            yield line


def _head(work: Work, place: int) -> tuple[SignedHead, Head]:
    """Return the signed head over exactly the entries below `place`, its signature checked."""
    found = work.ask(lambda tx: ledger.head_from(tx, place))
    if found is None or found.size != place:
        raise HeadGone(f"The ledger has no signed head at {place} entries any more; ask for the bundle again.")
    return found, heads.verify(found.note, Trust.load(work.trust_file))


def _changed(signed: Head, size: int) -> PackageInvalid:
    return PackageInvalid(
        f"{signed.origin}: its {size} entries do not have the signed root; they were changed behind Lading."
    )


def _pages(work: Work, first: int, end: int) -> Iterator[list[StoredEntry]]:
    while first < end:
        page = work.ask(_page(first, end))
        if not page or page[0].index != first or page[-1].index != first + len(page) - 1:
            raise PackageInvalid(f"The ledger has no entry {first}, or one behind it; it was changed behind Lading.")
        yield page
        first += len(page)


def _lines(work: Work, name: str, lines: Iterable[bytes]) -> dict[str, Any]:
    with work.blobs.writer(work.key(name)) as sink:
        for line in history.lines_of(lines):
            sink.write(line)
    return work.facts(name)


def _read_lines(work: Work, name: str) -> Iterator[bytes]:
    with work.blobs.open(work.key(name)) as file:
        for line in file:
            yield line.rstrip(b"\n")


def _kept(work: Work, name: str, content: bytes) -> dict[str, Any]:
    key = f"bag/{name}"
    with work.blobs.writer(work.key(key)) as sink:
        sink.write(content)
    return work.facts(key)


def _page(first: int, end: int) -> Callable[..., Any]:
    return lambda tx: ledger.lines(tx, first, end)


def _paths(wanted: Wanted, leaves: Sequence[int]) -> Callable[..., Any]:
    async def question(tx: Any) -> list[list[bytes]]:
        tree = await tiles.tree(tx, epoch=wanted.epoch)
        return [await tiles.inclusion(tx, leaf, wanted.size, log=tree) for leaf in leaves]

    return question


def _chosen(wanted: Sequence[Any]) -> Callable[..., Any]:
    return lambda tx: store.named(tx, wanted)
