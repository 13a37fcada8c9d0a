"""
The lines of an audit bundle, read once: as they stand, with everything that follows from them.

Of a whole span that is the tree up to its signed head, of a partial one a proof for each chosen line; of both the
projections that a replay gives, and where every artifact came from.  Whatever does not have the signed root is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from lading import canonical
from lading.bundles import history
from lading.bundles import store as ledger
from lading.bundles.history import Choice
from lading.bundles.provenance import Provenance
from lading.errors import Conflict, ExportError, PackageInvalid, TooLarge
from lading.exports.stages.work import Result, Work
from lading.exports.types.bundle_requests import Wanted
from lading.exports.types.extract import NotInTree
from lading.ledger import commitments, heads, tiles
from lading.ledger.heads import Head
from lading.ledger.store import SignedHead, StoredEntry
from lading.ledger.trust import Trust
from lading_verify import layout
from lading_verify.fold import Fold
from lading_verify.merkle import Tree

MAX_CHOSEN: Final = 20_000
PROOFS: Final = "proofs.jsonl"
"""A working file that is no file of the bundle: the paths of the chosen lines."""
_BEFORE: Final = "state.before.jsonl"
"""Another one: the states of all that there was before the span."""
_BEAT: Final = 10_000
_PATHS: Final = 100
_COMMITTED: Final = b'"sd":{'
_PAGE: Final = 500


class HeadGone(ExportError):
    """The head that a bundle ends with is not there any more: the ledger was restored from a backup."""

    code = "ledger-restored"
    retryable = False


class WordsErased(ExportError):
    """Words that a bundle was to tell were erased while it was made; what was erased is never handed out."""

    code = "words-erased"
    retryable = False


class NothingChosen(ExportError):
    """Nothing in the span is about what the bundle was to be about."""

    code = "no-data"
    retryable = False


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
    counts = dict(made.counts)
    if wanted.has_disclosures:
        counts["disclosures"], laid[layout.DISCLOSURES] = _disclosures(work, made.leaves)
    return {
        "consistency": "ledger-as-of",
        "counts": counts,
        "start": made.start,
        "made": sorted({(each.sha256, each.export) for each in made.provenance.made}),
        "origin": signed.origin,
        "root": root,
        "note": head.note,
        "faults": made.faults,
        "told": {"bundle": {"start": wanted.start, "end": wanted.end, "root_sha256": root, **counts}},
        "files": laid,
    }


@dataclass(frozen=True, slots=True)
class _Made:
    """What one pass over the lines gave."""

    counts: Mapping[str, int]
    provenance: Provenance
    laid: Mapping[str, Any]
    faults: int
    leaves: Sequence[int]
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
        _lines(work, _BEFORE, before.state())
        before.watch()
    # Subjects of an earlier epoch, or of entries that are gone, are taken as they are met; the verifier does so, too.
    is_late = wanted.epoch > 1 or (wanted.first > 0 and before is None)
    fold = Fold(None, partial=is_late) if before is None else before
    provenance = Provenance()
    with work.blobs.writer(work.key("history.jsonl")) as sink:
        entries = history.whole(
            _pages(work, wanted.start, wanted.end), sink, base=wanted.base, fold=fold, tree=tree,
            provenance=provenance, advance=lambda done: work.advance(done, wanted.end - wanted.start),
        )  # fmt: skip
    if tree.root() != head.root or tree.size != wanted.size:
        raise _changed(signed, wanted.end)
    if before is not None:
        fold = _needed(work, wanted, before, laid)
    leaves = range(wanted.first, wanted.size)
    return _Made(
        {**_projections(work, fold, laid), "entries": entries}, provenance, laid, fold.fault_count, leaves, start
    )


def _needed(work: Work, wanted: Wanted, before: Fold, laid: dict[str, Any]) -> Fold:
    """Write the states that the span needs, and return the states to which they lead: what the verifier will see."""
    laid[layout.START_STATE] = _lines(work, "state.start.jsonl", before.needed(read_lines(work, _BEFORE)))
    fold = Fold(read_lines(work, "state.start.jsonl"), partial=wanted.epoch > 1)
    for index, line in enumerate(read_lines(work, "history.jsonl"), wanted.first):
        fold.add(index, line)
        if index % _BEAT == 0:
            work.advance(index - wanted.first, wanted.end - wanted.start)
    return fold


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
    laid[PROOFS] = _lines(work, PROOFS, _proofs(work, wanted, leaves))
    return _Made({**_projections(work, fold, laid), "entries": len(leaves)}, provenance, laid, fold.fault_count, leaves)


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


def _disclosures(work: Work, leaves: Sequence[int]) -> tuple[int, dict[str, Any]]:
    """Write the words that lines commit to, as far as they were not erased."""
    counted = _Counted(_opened(work, leaves))
    facts = _lines(work, "disclosures.jsonl", counted)
    return counted.count, facts


def require_told(work: Work, counts: Mapping[str, int]) -> None:
    """Raise WordsErased unless the words that were written are all there still."""
    if counts["disclosures"] and sum(1 for _ in _opened(work, range(counts["entries"]))) < counts["disclosures"]:
        raise WordsErased("Words that the bundle tells were erased while it was made; ask for it again.")


def _opened(work: Work, leaves: Sequence[int]) -> Iterator[bytes]:
    lines = zip(leaves, read_lines(work, "history.jsonl"), strict=True)
    committed = ((leaf, line) for leaf, line in lines if _COMMITTED in line)
    while page := list(islice(committed, _PAGE)):
        for opening in work.ask(_openings(page)):
            yield opening.line()
        work.advance(page[-1][0] - leaves[0], len(leaves))


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


def read_lines(work: Work, name: str) -> Iterator[bytes]:
    """Yield the lines of a working file without their ends."""
    with work.blobs.open(work.key(name)) as file:
        for line in file:
            yield line.rstrip(b"\n")


def _page(first: int, end: int) -> Callable[..., Any]:
    return lambda tx: ledger.lines(tx, first, end)


def _openings(page: Sequence[tuple[int, bytes]]) -> Callable[..., Any]:
    return lambda tx: commitments.openings(tx, page)


def _paths(wanted: Wanted, leaves: Sequence[int]) -> Callable[..., Any]:
    async def question(tx: Any) -> list[list[bytes]]:
        tree = await tiles.tree(tx, epoch=wanted.epoch)
        return [await tiles.inclusion(tx, leaf, wanted.size, log=tree) for leaf in leaves]

    return question
