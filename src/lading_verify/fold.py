"""
Replay: rebuild the state of every job, export, run, throttle and artifact from the entries of a ledger alone.

A pure fold: the same entries give the same lines, whoever folds.  The builder of a bundle writes the projections with
it, the verifier folds again and compares.  A fold that begins in the middle starts from the lines that `state` gave for
the entries before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lading_verify import encoding, entries
from lading_verify.entries import Entry, NoEntry
from lading_verify.rules import BATCHES, ENDED, RULES, SAID, THROTTLES, WAITING, Rule
from lading_verify.shelf import Document, Shelf

MOST_FAULTS: Final = 1000
_LONGEST: Final = 200
_STATES: Final = frozenset({"blocked", "pending", "scheduled"})
PARTS: Final = ("jobs", "throttles", "artifacts")
_LIFTED: Final = frozenset({"closed", "dropped", "lifted", "released"})
_HOT: Final = {"jobs": 20_000, "throttles": 500, "artifacts": 10_000}
_REVISED: Final = ("exp_", "job_", "run_")
_OTHER: Final = Rule("job", frozenset(), None)
_STAGES: Final = frozenset({"export.stage_started", "export.stage_completed"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What can't have happened: at the entry `index`, to `subject`."""

    index: int
    subject: str
    why: str


class Fold:
    """
    The states after the entries so far.

    `faults` are gaps in `rev`, illegal transitions and double completions, the first MOST_FAULTS of `fault_count`.
    A `partial` fold sees only some entries: it takes a subject that it meets in the middle as it finds it.
    """

    def __init__(self, previous: Iterable[bytes] | None = None, *, partial: bool = False) -> None:
        self.faults: Final = list[Fault]()
        self.fault_count = 0
        self.is_partial: Final = partial
        self._shelves: Final = {part: Shelf(_HOT[part]) for part in PARTS}
        self._jobs: Final = self._shelves["jobs"]
        for line in previous or ():
            part, document = restored(line)
            self._shelves[part].put(_key(document), document)

    def add(self, index: int, line: bytes) -> None:
        """Take the next entry; a line that is none is a fault."""
        try:
            entry = entries.parse(line)
        except NoEntry as error:
            self._fault(index, "", f"the line is no entry: {error}")
            return
        self.take(index, entry)

    def take(self, index: int, entry: Entry) -> None:
        """Take the next entry, which was read already."""
        kind = entry.type
        rule = RULES.get(kind)
        if rule is not None:
            self._change(index, entry, rule)
        elif kind in THROTTLES:
            self._throttle(index, entry)
        elif kind in BATCHES:
            self._batch(index, entry, BATCHES[kind])
        elif kind.startswith("artifact."):
            self._artifact(index, entry)
        elif kind == "job.replayed" and "of" not in entry.data and self._jobs.get(entry.subject) is None:
            self._missing(index, entry.subject)
        elif entry.rev is not None and entry.subject.startswith(_REVISED):
            self._other(index, entry)

    def jobs(self) -> Iterator[bytes]:
        """Yield the line of every job, export and run, by id."""
        return self._shelves["jobs"].lines()

    def throttles(self) -> Iterator[bytes]:
        """Yield the line of everything that held work back, by id."""
        return self._shelves["throttles"].lines()

    def artifacts(self) -> Iterator[bytes]:
        """Yield the line of every content, by digest, and of each publication of it."""
        return self._shelves["artifacts"].lines()

    def state(self) -> Iterator[bytes]:
        """Yield the lines that a fold of the entries after these begins with."""
        for part, shelf in self._shelves.items():
            for line in shelf.lines():
                yield b'{"line":%b,"part":"%b"}' % (line, part.encode())

    def watch(self) -> None:
        """Note from now on which states the entries ask for: `needed` tells of them."""
        for shelf in self._shelves.values():
            shelf.watch()

    def needs(self, part: str, document: Mapping[str, Any]) -> bool:
        """
        Return whether the entries since `watch` need this state as it was before them.

        That is of what they are about, and of what was not over: a job that still ran, a pause that still held.
        """
        if self._shelves[part].was_asked(_key(document)):
            return True
        over = {"jobs": ENDED, "throttles": _LIFTED}.get(part)
        return over is not None and document.get("state") not in over

    def needed(self, state: Iterable[bytes]) -> Iterator[bytes]:
        """Yield those lines of a state that the entries since `watch` need."""
        for line in state:
            if self.needs(*restored(line)):
                yield line

    # --- jobs, exports, runs --------------------------------------------------------------------

    def _change(self, index: int, entry: Entry, rule: Rule) -> None:
        subject = entry.subject
        document = self._jobs.get(subject)
        if rule.before is None:
            self._begin(index, entry, subject, rule, document)
            document = self._jobs.get(subject)
            assert document is not None
            self._settle(document, entry, rule)
            return
        if document is None:
            if not self.is_partial:
                self._missing(index, subject)
            document = _new(subject, rule.what, entry.at)
            document["rev"] = None
            self._jobs.put(subject, document)
            self._count(index, entry, rule, document)
        else:
            self._count(index, entry, rule, document)
            if document["state"] not in rule.before:
                self._illegal(index, entry.type, document)
        self._settle(document, entry, rule)
        if rule.after is not None:
            document["state"] = self._said(index, entry) if rule.after is SAID else rule.after
        if document["state"] in ENDED and rule.after is not None:
            document["ended_at"] = entry.at
        elif rule.after is not None:
            document["ended_at"] = None
        document["changed_at"] = entry.at
        document["index"] = index

    def _other(self, index: int, entry: Entry) -> None:
        """Count a change of a type that is not known here, of a later version perhaps; the state stays as it is."""
        document = self._jobs.get(entry.subject)
        if document is not None:
            self._count(index, entry, _OTHER, document)
            document["changed_at"], document["index"] = entry.at, index

    def _begin(self, index: int, entry: Entry, subject: str, rule: Rule, known: Document | None) -> None:
        if known is not None:
            self._fault(index, subject, f"{entry.type} of what there is already, {known['state']}")
        if entry.rev != 1:
            self._fault(index, subject, f"it begins at rev {entry.rev}, not at 1: entries before this one are missing")
        document = _new(subject, rule.what, entry.at)
        document["state"] = self._said(index, entry) if rule.after is SAID else rule.after
        document["rev"], document["index"] = entry.rev, index
        if known is None:
            self._jobs.put(subject, document)
        else:
            known.update(document)

    def _count(self, index: int, entry: Entry, rule: Rule, document: Document) -> None:
        before, after = document["rev"], entry.rev
        if rule.is_silent:
            document["rev"] = None if before is None else before + 1
            return
        if after is None:
            self._fault(index, entry.subject, f"{entry.type} carries no rev")
        elif before is not None and after != before + 1:
            why = "entries between them are missing" if after > before else "an entry is repeated or out of order"
            self._fault(index, entry.subject, f"its rev goes from {before} to {after}: {why}")
        document["rev"] = after

    def _settle(self, document: Document, entry: Entry, rule: Rule) -> None:
        data = entry.data
        if rule.what == "job":
            if entry.type == "job.started":
                document["attempt"] = _short(data.get("attempt"))
            if "kind" in data:
                document["kind"] = _short(data["kind"])
            if "for" in data:
                document["for"] = _short(data["for"])
        elif rule.what == "export":
            if "job" in data and entry.type != "export.part_completed":
                document["job"] = _short(data["job"])
            if "profile" in data:
                document["kind"] = _short(data["profile"])
            if entry.type in _STAGES:
                document["stage"] = _short(data.get("stage"))
            if entry.type.startswith("approval."):
                document["approval"] = entry.type.removeprefix("approval.")
            if entry.type == "export.completed":
                document["package"] = _short(data.get("package_sha256"))
            if entry.type == "export.deleted":
                document["deleted_at"] = entry.at
        if rule.fails:
            document["code"] = _short(data.get("code", "cancelled"))

    def _batch(self, index: int, entry: Entry, rule: Rule) -> None:
        named = entry.data.get("jobs")
        if not isinstance(named, list):
            self._fault(index, entry.subject, f"{entry.type} names no jobs")
            return
        told = _Told(entry.data)
        for place, text in enumerate(named):
            job, _, attempt = str(_short(text)).partition(":")
            document = self._jobs.get(job)
            if rule.before is None:
                if document is not None:
                    self._fault(index, job, f"{entry.type} of what there is already, {document['state']}")
                document = _new(job, "job", entry.at)
                document["rev"], document["kind"] = 0, told.kind(place)
                self._jobs.put(job, document)
            elif document is None:
                if not self.is_partial:
                    self._missing(index, job)
                document = _new(job, "job", entry.at)
                document["rev"] = None
                self._jobs.put(job, document)
            elif document["state"] not in rule.before:
                self._illegal(index, entry.type, document)
            self._advance(index, entry, document, told.state(place) if rule.after is SAID else rule.after)
            if attempt:
                self._attempt(index, document, attempt, is_new=rule.after == "running")

    def _advance(self, index: int, entry: Entry, document: Document, state: str | None) -> None:
        document["rev"] = None if document["rev"] is None else document["rev"] + 1
        document["state"] = state
        document["ended_at"] = entry.at if state in ENDED else None
        document["changed_at"], document["index"] = entry.at, index

    def _attempt(self, index: int, document: Document, attempt: str, *, is_new: bool) -> None:
        number = int(attempt) if attempt.isascii() and attempt.isdigit() and len(attempt) < 10 else 0
        expected = document["attempt"] + is_new if isinstance(document["attempt"], int) else number
        if number != expected and not (self.is_partial and is_new):
            self._fault(index, document["id"], f"its attempt is {attempt[:12]}, not {expected}")
        document["attempt"] = number

    def _said(self, index: int, entry: Entry) -> str:
        state = entry.data.get("state", WAITING)
        if state in _STATES or state == WAITING:
            return state
        self._fault(index, entry.subject, f"{entry.type} leads to {state!r:.40}, which is no state")
        return WAITING

    # --- throttles and artifacts ----------------------------------------------------------------

    def _throttle(self, index: int, entry: Entry) -> None:
        what, state = THROTTLES[entry.type]
        key = _throttle_key(what, entry)
        shelf = self._shelves["throttles"]
        document = shelf.get(key)
        if what == "pause" and state == "lifted" and not self.is_partial:
            if document is None:
                self._missing(index, key)
            elif document["state"] == "lifted":
                self._fault(index, key, "it is lifted a second time")
        if document is None:
            made: Document = {"id": key, "what": what, "since": entry.at, "set": None}
            shelf.put(key, made)
            document = made
        data = entry.data
        # A bucket that nobody set goes when its host may be called at the whole rate again.
        if state == "adapted" and document["set"] is None and data.get("factor") == "1":
            state = "dropped"
        if state == "set":
            document["since"], document["set"], document["now"] = entry.at, data, None
        else:
            document["now"] = data
        if state == "dropped":
            document["set"] = None
        document["state"], document["changed_at"], document["index"] = state, entry.at, index

    def _artifact(self, index: int, entry: Entry) -> None:
        shelf, data = self._shelves["artifacts"], entry.data
        digest = str(_short(data.get("digest")))
        content = shelf.get(digest)
        if content is None:
            if entry.type != "artifact.published" and not self.is_partial:
                self._missing(index, entry.subject)
            made: Document = {"id": digest, "what": "content", "size": _short(data.get("size")), "since": entry.at}
            shelf.put(digest, made)
            content = made
        content["state"] = {"artifact.published": "live"}.get(entry.type, entry.type.removeprefix("artifact."))
        content["changed_at"], content["index"] = entry.at, index
        if entry.type != "artifact.published":
            return
        key = f"{digest}/{_short(data.get('export'))}"
        document: Document = {"id": key, "what": "publication", "sha256": digest, "at": entry.at, "index": index}
        document |= {name: _short(data.get(name)) for name in ("attempt", "export", "job", "media", "size")}
        if (known := shelf.get(key)) is None:
            shelf.put(key, document)
        else:
            known.update(document)

    # --- faults ---------------------------------------------------------------------------------

    def _missing(self, index: int, subject: str) -> None:
        self._fault(index, subject, "nothing tells that it began: entries before this one are missing")

    def _illegal(self, index: int, kind: str, document: Document) -> None:
        state = document["state"]
        if state == "completed" and kind.endswith(".completed"):
            self._fault(index, document["id"], "it is completed a second time")
        else:
            self._fault(index, document["id"], f"{kind} can't happen to what is {state}")

    def _fault(self, index: int, subject: str, why: str) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(index, subject[:200], why))


class _Told:
    """What an entry of many jobs tells of each: their kinds, and which of them do not just wait for a worker."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._kinds: Final = _list(data["kinds"]) if "kinds" in data else [data.get("kind")]
        self._of: Final = _list(data["of"]) if "of" in data else None
        self._states: Final = {
            place: state for state in ("blocked", "scheduled") for place in _list(data.get(state)) if type(place) is int
        }

    def kind(self, place: int) -> str | None:
        """Return the kind of the job at that place, None where it is not told."""
        if self._of is None:
            return _short(self._kinds[0]) if len(self._kinds) == 1 else None
        number = self._of[place] if place < len(self._of) else None
        return _short(self._kinds[number]) if type(number) is int and 0 <= number < len(self._kinds) else None

    def state(self, place: int) -> str:
        """Return the state of the job at that place."""
        return self._states.get(place, "pending")


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _short(value: object) -> Any:
    # What a hostile entry may make of the memory of whoever folds it is little.
    return value if value is None or type(value) is int or (isinstance(value, str) and len(value) <= _LONGEST) else "?"


def _new(subject: str, what: str, at: str) -> Document:
    document: Document = {
        "id": subject, "what": what, "state": None, "rev": 0, "kind": None, "code": None, "created_at": at,
        "changed_at": at, "ended_at": None, "index": 0,
    }  # fmt: skip
    if what == "job":
        document |= {"attempt": 0, "for": None}
    if what == "export":
        document |= {"job": None, "stage": None, "approval": None, "package": None, "deleted_at": None}
    return document


def _throttle_key(what: str, entry: Entry) -> str:
    if what == "pause":
        return entry.subject
    if what == "lane":
        return f"lane:{_short(entry.data.get('kind'))}/{_short(entry.data.get('host'))}"
    if what in {"allocation", "call_quota"}:
        return what
    _, _, name = entry.subject.partition(":")
    return f"{what}:{name or '*'}"


def _key(document: Mapping[str, Any]) -> str:
    return str(document["id"])


def restored(line: bytes) -> tuple[str, Document]:
    """Return the part and the document of a line that `state` gave; ValueError if it is none."""
    told = encoding.decode(line)
    if not isinstance(told, dict) or told.keys() != {"line", "part"} or told["part"] not in PARTS:
        raise ValueError("it is not a line of a state")
    document = told["line"]
    if not isinstance(document, dict) or not isinstance(document.get("id"), str) or "what" not in document:
        raise ValueError("it is not a state with an id")
    return told["part"], document
