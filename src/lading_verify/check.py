"""
Verify a bundle offline, from the container down to every state, and say what was proved and by which key.

In this order: the container is exact → the statement is signed and names every file → digests, BagIt manifests and
detached signatures agree → heads are signed by keys of the log → the lines have the signed root → they follow one
another without a gap → the projections follow from them → the bundle follows the previous one → what the caller asks
for besides.  Refused names the first thing that is wrong.  Bounded memory, no network, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from lading_verify import bag as bags
from lading_verify import disclosed, dsse, encoding, following, history, layout, notes, stamps
from lading_verify.bag import Bag
from lading_verify.errors import Refused, Unreadable
from lading_verify.fold import Fold
from lading_verify.following import Compared
from lading_verify.history import Told
from lading_verify.keys import keyid
from lading_verify.layout import LIMITS, Limits, Manifest
from lading_verify.merkle import Tree, leaf_hash, root_of_path
from lading_verify.notes import Note
from lading_verify.trust import Keyring, Trust, read_keyring

_INSTANCE: Final = "/instance"
_TENANT: Final = "/t/"
_EPOCH: Final = re.compile(r"/e[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What the caller asks for besides.

    So many of these witnesses, by name and key, must have seen the head; `authority` is a file of the certificates by
    which its time stamp must hold.
    """

    witnesses: tuple[tuple[str, bytes], ...] = ()
    at_least: int = 0
    authority: Path | None = None


@dataclass
class Report:
    """What was proved of a bundle; `unbelieved` are the files that no key which the caller believes has signed."""

    manifest: Manifest
    size: int
    files: int
    signer: str
    log_key: str | None
    unbelieved: list[str] = field(default_factory=list[str])
    first_at: str | None = None
    last_at: str | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    checks: list[str] = field(default_factory=list[str])
    witnesses: list[str] = field(default_factory=list[str])
    previous: str | None = None
    instance: str | None = None
    faults: list[Refused] = field(default_factory=list[Refused])

    @property
    def is_pinned(self) -> bool:
        """Return whether every signer is one the caller believes."""
        return not self.unbelieved

    def to_json(self) -> dict[str, Any]:
        """Return the report as a document."""
        manifest = self.manifest
        return {
            "format": layout.FORMAT, "origin": manifest.origin, "tenant": manifest.tenant,
            "range": {"start": manifest.start, "end": manifest.end}, "complete": manifest.is_complete,
            "root_sha256": manifest.root.hex(), "size": self.size, "files": self.files, "counts": self.counts,
            "first_at": self.first_at, "last_at": self.last_at, "signer": self.signer, "log_key": self.log_key,
            "is_pinned": self.is_pinned, "unbelieved": self.unbelieved, "witnesses": self.witnesses,
            "previous": self.previous, "instance": self.instance, "checks": self.checks,
        }  # fmt: skip


def verify(
    path: Path,
    trust: Trust | None = None,
    *,
    previous: Path | None = None,
    policy: Policy = Policy(),
    limits: Limits = LIMITS,
) -> Report:
    """Return what was proved of the bundle at `path`; Refused names what is wrong with it or with `previous`."""
    try:
        with path.open("rb") as file:
            report, start = check(file, trust, policy=policy, limits=limits, is_followed=previous is not None)
            if previous is not None:
                with previous.open("rb") as before:
                    _continues(report, start, before, trust, limits=limits)
    except OSError as error:
        raise Unreadable(f"{error.filename or path} can't be read: {error.strerror}. Check the path.") from None
    return report


@dataclass(frozen=True, slots=True)
class Start:
    """How a bundle begins, as it says; `fold` has its states, and was watched if `bag` is to follow another."""

    size: int
    root: bytes
    bag: Bag
    fold: Fold


def check(
    file: BinaryIO,
    trust: Trust | None = None,
    *,
    policy: Policy = Policy(),
    limits: Limits = LIMITS,
    marks: Sequence[int] = (),
    on_told: Callable[[Told], None] | None = None,
    on_mark: Callable[[int, Fold], None] | None = None,
    is_followed: bool = False,
) -> tuple[Report, Start]:
    """Return what was proved of the bundle in `file`, and how it begins; `marks` as for `history.read`."""
    bag = bags.open_bag(file, limits)
    _check_damaged(bag)
    bags.check_sums(bag)
    believed, told_keys = _keys(bag, trust)
    report = _signed(bag, believed, told_keys)
    tree = _start(bag, report, believed)
    size, root = tree.size, tree.root()
    told = (
        history.read(bag, tree, marks=marks, on_mark=on_mark, is_watched=is_followed)
        if bag.manifest.is_complete
        else history.read_partial(bag)
    )
    _rooted(bag, told)
    _counted(bag, report, told)
    if on_told is not None:
        on_told(told)
    _contents(bag, report, believed)
    _instance(bag, report, believed)
    _witnessed(bag, report, policy)
    report.checks += stamps.check(bag, policy.authority)
    report.faults = history.faults(bag, told)
    if report.faults:
        raise report.faults[0]
    report.checks.append("every subject's versions follow without a gap, no transition is illegal, nothing ended twice")
    report.checks += _begins(bag)
    return report, Start(size, root, bag, told.fold)


def _check_damaged(bag: Bag) -> None:
    """Refuse what is not as it was signed, with the line that shows it where one does."""
    names = bags.damaged(bag)
    if not names:
        return
    why = "its bytes are not those that were signed"
    try:
        if bag.manifest.is_complete:
            told = history.read(bag, history.begun_tree(bag))
            history.compare(bag, told.fold)
            for fault in history.faults(bag, told):
                raise fault
    except Refused as error:
        if error.file in names:
            raise Refused(f"{error.why}; {why}", file=error.file, record=error.record, field=error.field) from None
    raise Refused(why, file=names[0])


def _keys(bag: Bag, trust: Trust | None) -> tuple[Trust, Trust]:
    """Return the keys that are believed, and all that the bundle itself tells of."""
    ring = bag.read(layout.KEYRING, read_keyring) if bag.has(layout.KEYRING) else Keyring()
    return (Trust() if trust is None else trust).following(ring), ring.trust()


def _signed(bag: Bag, believed: Trust, told: Trust) -> Report:
    note, manifest = _head(bag, layout.HEAD), bag.manifest
    if (note.head.origin, note.head.size, note.head.root) != (manifest.origin, manifest.end, manifest.root):
        raise Refused(f"it is the head of something else than {layout.MANIFEST} says", file=layout.HEAD)
    log_key = note.signer(believed.log(manifest.origin, manifest.end))
    unbelieved = [] if bag.statement.public in believed.package() else [layout.STATEMENT]
    if log_key is None:
        unbelieved.append(layout.HEAD)
        log_key = note.signer(told.log(manifest.origin, manifest.end))
    report = Report(
        manifest, bag.file.seek(0, 2), len(bag.members), bag.statement.keyid,
        None if log_key is None else keyid(log_key), unbelieved,
    )  # fmt: skip
    report.checks += [
        "the zip holds exactly its files, byte for byte",
        f"all {len(bag.digests)} files are those of the signed statement",
        "the BagIt manifests, the SSH and the minisign signature agree with it",
    ]
    return report


def _start(bag: Bag, report: Report, believed: Trust) -> Tree:
    """Return the tree where the range begins: empty at the beginning of the log, and for a partial bundle."""
    size = bag.manifest.start
    if size == 0 or not bag.manifest.is_complete:
        for name in (layout.START_HEAD, layout.FRONTIER, layout.START_STATE):
            if bag.has(name):
                raise Refused("a bundle that begins here has none", file=name)
        return Tree()
    for name in (layout.START_HEAD, layout.FRONTIER):
        if not bag.has(name):
            raise Refused("it is missing", file=name)
    tree, note = history.begun_tree(bag), _head(bag, layout.START_HEAD)
    if (note.head.origin, note.head.size) != (bag.manifest.origin, size):
        raise Refused("it is not the head where this bundle begins", file=layout.START_HEAD)
    if note.head.root != tree.root():
        raise Refused(f"it does not have the root of {layout.START_HEAD}", file=layout.FRONTIER)
    if note.signer(believed.log(note.head.origin, size)) is None:
        report.unbelieved.append(layout.START_HEAD)
    return tree


def _begins(bag: Bag) -> list[str]:
    """Return what no entry of this bundle proves: how things stood before its first."""
    start = bag.manifest.start
    if not start or not bag.manifest.is_complete:
        return []
    if not bag.has(layout.START_STATE):
        return [f"it has no states of before entry {start}: what began earlier was taken as its entries show it"]
    count = sum(1 for _ in history.start_state(bag))
    return [f"its {count} states of before entry {start} are as its signer says; --previous compares them"]


def _rooted(bag: Bag, told: Told) -> None:
    manifest = bag.manifest
    if manifest.is_complete and told.count != manifest.end - manifest.start:
        why = f"it has {told.count} lines; the head signs {manifest.end - manifest.start}"
        raise Refused(why, file=layout.HISTORY)
    if manifest.is_complete and told.root != manifest.root:
        why = "its lines do not have the signed root: one was changed, moved, added or removed"
        raise Refused(why, file=layout.HISTORY)


def _counted(bag: Bag, report: Report, told: Told) -> None:
    manifest = bag.manifest
    report.first_at, report.last_at = told.first_at, told.last_at
    found = {
        name.rpartition("/")[2].removesuffix(".jsonl"): count for name, count in history.compare(bag, told.fold).items()
    }
    report.counts = {**found, "disclosures": disclosed.check(bag), "entries": told.count}
    for name, count in report.counts.items():
        if manifest.counts[name] != count:
            why = f"it is {manifest.counts[name]}, but there are {count}"
            raise Refused(why, file=layout.MANIFEST, field=f"counts.{name}")
    where = "are all" if manifest.is_complete else "are"
    span = f"[{manifest.start}, {manifest.end})"
    report.checks += [
        f"the {told.count} entries {where} of {span} of {manifest.origin}, under its signed head",
        "jobs, throttles and artifacts are what a replay of the entries gives",
    ]


def _contents(bag: Bag, report: Report, believed: Trust) -> None:
    """Refuse contents that are not what their names say, and attestations by another key."""
    kept = {name for name in bag.members if name.startswith(layout.CONTENT)}
    for name in kept:
        if bag.digests[name] != name.rpartition("/")[2]:
            raise Refused("its bytes do not have the digest that is its name", file=name)
    attested = [name for name in bag.members if name.startswith(layout.ATTESTATIONS)]
    for name in attested:
        _attested(bag, name, {bag.statement.public, *believed.package()})
    if kept:
        for name in sorted(kept - _told_contents(bag, kept)):
            raise Refused("no entry tells of it", file=name)
        report.checks.append(f"{len(kept)} artifacts have the digests that the ledger tells of")


def _told_contents(bag: Bag, kept: set[str]) -> set[str]:
    told: set[str] = set()
    for piece in bag.lines(layout.ARTIFACTS):
        told.update(layout.content_name(encoding.decode(line)["id"]) for line in piece)
    return told & kept


def _attested(bag: Bag, name: str, keys: set[bytes]) -> None:
    number = 0
    for piece in bag.lines(name):
        for line in piece:
            number += 1
            try:
                statement = dsse.unseal(line)
            except ValueError as error:
                raise Refused(str(error), file=name, record=number) from None
            if statement.public not in keys:
                raise Refused("it is signed by another key than the bundle", file=name, record=number)


def _instance(bag: Bag, report: Report, believed: Trust) -> None:
    if not bag.has(layout.INSTANCE_PROOF):
        for name in (layout.INSTANCE_HEAD, layout.INSTANCE_TIMESTAMP):
            if bag.has(name):  # without a proof it is about something else, and nobody would see that
                raise Refused(f"there is no {layout.INSTANCE_PROOF} that leads to it from {layout.HEAD}", file=name)
        return
    name, head = layout.INSTANCE_PROOF, _head(bag, layout.HEAD).head
    proof = bag.read(name, notes.read_proof, bag.limits.note_bytes)
    whole = proof.note.head
    try:
        root = root_of_path(leaf_hash(head.text.encode()), proof.index, whole.size, proof.path)
    except ValueError as error:
        raise Refused(str(error), file=name) from None
    if root != whole.root:
        raise Refused(f"it does not lead from {layout.HEAD} to the head of the instance's log", file=name)
    if bag.has(layout.INSTANCE_HEAD) and _head(bag, layout.INSTANCE_HEAD).head != whole:
        raise Refused("it is not the head that the proof leads to", file=layout.INSTANCE_HEAD)
    prefix = head.origin.partition(_TENANT)[0] + _INSTANCE
    if _EPOCH.sub("", whole.origin) != prefix:
        raise Refused(f"it is of {whole.origin}, not of the instance of {head.origin}", file=name, field="origin")
    keys = believed.log(whole.origin, whole.size)
    shown = [(layout.INSTANCE_HEAD, _head(bag, layout.INSTANCE_HEAD))] if bag.has(layout.INSTANCE_HEAD) else []
    report.unbelieved += [each for each, note in [(name, proof.note), *shown] if note.signer(keys) is None]
    report.instance = f"{whole.origin}@{whole.size}"
    report.checks.append(f"the head stands at {proof.index} in the log of the instance, {report.instance}")


def _witnessed(bag: Bag, report: Report, policy: Policy) -> None:
    heads = [_head(bag, name) for name in (layout.HEAD, layout.INSTANCE_HEAD) if bag.has(name)]
    report.witnesses = [
        name for name, key in policy.witnesses if any(note.cosigned_at(name, key) is not None for note in heads)
    ]
    if len(report.witnesses) < policy.at_least:
        why = f"{len(report.witnesses)} of the named witnesses have seen it; {policy.at_least} are asked for"
        raise Refused(why, file=layout.HEAD, kind="policy")
    if policy.at_least:
        report.checks.append(f"seen by {', '.join(report.witnesses)}")


def _continues(report: Report, start: Start, file: BinaryIO, trust: Trust | None, *, limits: Limits) -> None:
    """Refuse the bundle unless it goes on where the one in `file` ends, or somewhere inside of it."""
    kept: list[Told] = []
    compared: list[Compared] = []
    replayed: list[Told] = []

    def compare(since: int, fold: Fold) -> None:
        if start.bag.has(layout.START_STATE):
            compared.append(following.compare(fold, history.start_state(start.bag), after=start.fold, since=since))
        elif start.size:
            again = Fold(fold.state(), partial=fold.is_partial or since > 0)  # it has not all that ended before it
            replayed.append(history.read(start.bag, history.begun_tree(start.bag), fold=again))

    before, _ = check(file, trust, limits=limits, marks=(start.size,), on_told=kept.append, on_mark=compare)
    old, new = before.manifest, report.manifest
    if old.log == new.log and old.epoch != new.epoch:
        why = (
            f"the previous bundle is of epoch {old.epoch} of {new.log}, this one of epoch {new.epoch}: a restore of "
            "the database began another tree, whose first entry tells what was lost"
        )
        raise Refused(why, kind="gap")
    if old.origin != new.origin:
        raise Refused(f"the previous bundle is of {old.origin}, this one of {new.origin}", kind="gap")
    if not old.is_complete or not new.is_complete:
        raise Refused("a partial bundle can't be followed, and follows none", kind="gap")
    if old.end < new.start:
        raise Refused(f"the entries {old.end} to {new.start - 1} are in neither bundle", kind="gap")
    if start.size not in kept[0].marks:
        raise Refused(f"the previous bundle begins at {old.start}, after this one", kind="gap")
    if kept[0].marks[start.size] != start.root:
        why = f"at {start.size} entries it has another root than the previous bundle: the log was written anew"
        raise Refused(why, file=layout.START_HEAD if new.start else layout.HEAD, kind="gap")
    for each in compared:
        if each.why is not None:
            raise Refused(each.why, file=layout.START_STATE, record=each.record or None, kind="gap")
    for fault in (fault for told in replayed for fault in history.faults(start.bag, told)):
        raise fault
    report.previous = old.identifier
    report.checks.append(f"it goes on where {old.identifier} ends")
    taken = sum(each.taken for each in compared)
    if taken:
        report.checks.append(f"{taken} states it began with are of what changed last before {old.identifier}")


def _head(bag: Bag, name: str) -> Note:
    return bag.read(name, notes.read, bag.limits.note_bytes)
