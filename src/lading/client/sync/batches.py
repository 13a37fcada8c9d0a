# Made from lading/client/aio/batches.py by scripts/sync_client.py; change it there.
"""
Runs and batches by the journal: begun, or gone on with where an earlier process left them; never asked for twice.

Items of a batch are done `concurrency` at once: in the async half by tasks, in the sync half by threads, each with its
own way and the pool they share.  Whatever is told is told in the caller's own thread.  An item's fault is its result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Final

from lading import ids
from lading.client import batching
from lading.client.batching import MOST_CONCURRENT, BatchItem, BatchResult, Fetched, Terms
from lading.client.faults import plain
from lading.client.journal import Entry, Journal
from lading.client.journal_lines import MOST_REQUESTS, Plan
from lading.client.polling import Watcher
from lading.client.sync.ground import each, in_thread
from lading.client.sync.running import Way
from lading.client.sync.session import Session, clock
from lading.errors import InvalidInput, LadingError
from lading.wire.exports import Export, ExportRequest
from lading.wire.tenants import Me

if TYPE_CHECKING:
    from lading.client.sync.exports import Exports

Told = Callable[[BatchItem], None]
_ME: Final = "/api/v1/me"


@dataclass(frozen=True, slots=True)
class Recorder:
    """The journal of one session; without a folder nothing is kept, and nothing can be gone on with."""

    session: Session
    folder: Path | None

    def begin(self, key: str, requests: Sequence[ExportRequest], folder: Path | None, *, is_batch: bool) -> Entry:
        """Return the entry, on disk before anything is asked for."""
        target, asked = self.session.target, [batching.asked(each) for each in requests]
        if self.folder is None:
            plan = Plan(key, target.url, target.tenant, "", None, time(), is_batch)
            return Entry.unwritten(plan, asked)
        account = self.account()
        plan = Plan(key, target.url, target.tenant, account, None if folder is None else str(folder), time(), is_batch)
        whose = (target.url, target.tenant, account)
        name = batching.batch_name(whose, folder, asked) if is_batch else batching.run_name(whose, key)
        entry = in_thread(Journal(self.folder).begin, name, plan, asked)
        if not entry.plan.is_of(target, account) or len(entry.items) != len(asked):
            entry.close()
            raise InvalidInput("This was begun for another server or tenant; end it there, or ask with another key.")
        for item, request in zip(entry.items, asked, strict=True):
            item.request = item.request or request
        return entry

    def account(self) -> str:
        """Return the tenant whose token this is; keys are told apart by tenant."""
        return (self.session.fetch(Me, "GET", _ME)).tenant


def run(
    exports: Exports, recorder: Recorder, request: ExportRequest, terms: Terms, *, watcher: Watcher, key: str | None
) -> Fetched:
    """Return one export and its package; what is left undone by an error or a kill is in the journal."""
    with keep(recorder, request, terms.folder, key=key) as entry:
        try:
            return Way(exports, entry, 0, terms, watcher).go()
        finally:
            in_thread(_forget_ended, entry)


def keep(recorder: Recorder, request: ExportRequest, folder: Path | None, *, key: str | None) -> Entry:
    """Return the entry of one run, on disk; InvalidInput if another request was sent with its key."""
    name = key or ids.show("idm", ids.new())
    entry = recorder.begin(name, [request], folder, is_batch=False)
    if entry.items[0].number == 0 and entry.items[0].request != batching.asked(request):
        entry.close()
        raise InvalidInput(
            "Another request was sent with this key before; use another key.", code="idempotency-key-reused"
        )
    return entry


def batch(
    exports: Exports,
    recorder: Recorder,
    requests: Sequence[ExportRequest],
    terms: Terms,
    *,
    concurrency: int,
    fail_fast: bool,
    told: Told,
) -> BatchResult:
    """Return what became of every request; one that was begun by an earlier run of the same batch goes on."""
    _bound(concurrency)
    if len(requests) > MOST_REQUESTS:
        raise InvalidInput(f"A batch has at most {MOST_REQUESTS} requests, this one {len(requests)}; split it.")
    if not requests:
        return BatchResult([], 0.0)
    entry = recorder.begin(ids.show("idm", ids.new()), requests, terms.folder, is_batch=True)
    with entry:
        for index, item in enumerate(entry.items):
            if item.end == "failed":  # the same key would only show the same end again
                request = batching.asked(requests[index])
                in_thread(entry.again, index, None if item.request == request else request)
        work = _Work(exports, [(entry, index) for index in range(len(requests))], terms, told, fail_fast=fail_fast)
        try:
            return work.done(concurrency)
        finally:
            in_thread(_forget_ended, entry)


def recover(exports: Exports, recorder: Recorder, terms: Terms, *, concurrency: int, told: Told) -> BatchResult:
    """Return what became of everything in the journal that is this session's and that nobody else works on."""
    _bound(concurrency)
    if recorder.folder is None:
        return BatchResult([], 0.0)
    account, seen, done, began = recorder.account(), set[str](), list[BatchItem](), clock()
    while True:  # as many entries at once as files may well be open
        found, first = list[Entry](), len(done)

        def later(item: BatchItem, first: int = first) -> None:
            told(replace(item, index=first + item.index))

        try:
            found.extend(in_thread(_ours, recorder, account, seen))
            if not found:
                return BatchResult(done, clock() - began)
            seen.update(entry.plan.key for entry in found)
            items = [(entry, index) for entry in found for index, item in enumerate(entry.items) if item.end is None]
            try:
                result = _Work(exports, items, terms, later, fail_fast=False).done(concurrency)
            finally:
                for entry in found:
                    in_thread(_forget_ended, entry)
        finally:
            for entry in found:
                entry.close()
        done += [replace(each, index=first + each.index) for each in result.items]


def _bound(concurrency: int) -> None:
    if not 0 < concurrency <= MOST_CONCURRENT:
        raise InvalidInput.field("concurrency", f"is from 1 to {MOST_CONCURRENT}: so many connections there are.")


def _ours(recorder: Recorder, account: str, seen: Collection[str]) -> list[Entry]:
    assert recorder.folder is not None
    target = recorder.session.target
    return Journal(recorder.folder).take(lambda plan: plan.key not in seen and plan.is_of(target, account))


def _forget_ended(entry: Entry) -> None:
    # A batch that failed in part is kept: begun again, it asks only for what is not there yet.
    ends = {"done"} if entry.plan.is_batch else {"done", "failed"}
    if all(item.end in ends for item in entry.items):
        entry.finish()


class _Work:
    """Items, each an entry and an index in it, and what became of them so far."""

    def __init__(
        self, exports: Exports, items: Sequence[tuple[Entry, int]], terms: Terms, told: Told, *, fail_fast: bool
    ) -> None:
        self._exports = exports
        self._items = items
        self._terms = terms
        self._told = told
        self._fail_fast = fail_fast
        self._has_failed = False
        self._now = [_waiting(number, entry, index) for number, (entry, index) in enumerate(items)]

    def done(self, concurrency: int) -> BatchResult:
        """Do all of them."""
        began = clock()
        each(self._one, self._numbers(), concurrency=min(concurrency, max(1, len(self._items))), told=self._note)
        for found in list(self._now):
            if found.state == "waiting":
                self._note(replace(found, state="skipped"))
        return BatchResult(self._now, clock() - began)

    def _numbers(self) -> Iterator[int]:
        for number in range(len(self._items)):
            if self._fail_fast and self._has_failed:
                return
            yield number

    def _note(self, item: BatchItem) -> None:
        self._now[item.index] = item
        self._told(item)

    def _one(self, number: int, note: Told) -> None:
        (entry, index), now, began = self._items[number], self._now[number], clock()
        terms = self._terms
        if terms.folder is None and entry.plan.folder is not None:
            terms = replace(terms, folder=Path(entry.plan.folder))

        def progress(export: Export) -> None:
            note(replace(now, state="running", export=export, export_id=export.id, seconds=clock() - began))

        try:
            found = Way(self._exports, entry, index, terms, Watcher(on_progress=progress)).go()
            end = replace(now, state="completed", export=found.export, export_id=found.export.id, path=found.path)
        except LadingError as error:
            self._has_failed = True
            end = replace(now, state=batching.ended_as(error), export_id=entry.items[index].export, error=error)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw ends one item, not all
            self._has_failed = True
            told = LadingError(f"Unexpected {type(error).__name__}: {plain(str(error))}")
            told.causes = (error,)
            end = replace(now, state="failed", export_id=entry.items[index].export, error=told)
        note(replace(end, seconds=clock() - began))


def _waiting(number: int, entry: Entry, index: int) -> BatchItem:
    item = entry.items[index]
    try:
        request = ExportRequest(**item.request)
    except TypeError:
        request = ExportRequest()
    return BatchItem(
        number, request, entry.plan.key_of(index, item.number),
        export_id=item.export, is_resumed=item.export is not None or item.number > 0,
    )  # fmt: skip
