"""
The walk over the pages of an API: where it stands, and how it goes on where an earlier attempt had to stop.

What was read is kept by runs of pages, whenever enough has come together and when the API sends us away; each run says
where the walk goes on.  If the API does not know that place any more (a cursor that has expired), the walk begins
again at the first page, and what was kept is not used.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import ipc

from lading.artifacts.blobs import storing
from lading.errors import SourceRefused, SourceUnreachable
from lading.sources import http_pages
from lading.sources.guarded import Answer
from lading.sources.http_calls import Caller, Waiting
from lading.sources.http_site import Site
from lading.sources.outside import Book, Kept

_RUN_BYTES: Final = 4 << 20
_RUN_PAGES: Final = 200
_RUN_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 << 20
_NOWHERE: Final = Path("/")


def mark_of(options: Mapping[str, Any], asked: Mapping[str, Any], parameters: Mapping[str, object]) -> str:
    """
    Return what tells a reading from every other: whose pages are not to be mixed.

    >>> mark_of({"url": "a"}, {}, {}) == mark_of({"url": "a"}, {}, {}), mark_of({"url": "b"}, {}, {})[:8]
    (True, 'db0ad638')
    """
    told = json.dumps([dict(options), asked, dict(parameters)], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


@dataclass(slots=True)
class _Place:
    """Where the walk stands: the page to ask for next, and what there was before it."""

    here: str | None
    pages: int = 0
    rows: int = 0
    total: int | None = None


class Trail:
    """What outlives an attempt of the pages it has read; without a book nothing does."""

    def __init__(self, book: Book | None, mark: str) -> None:
        self._book = book
        self._mark: Final = mark
        self._kept: list[Kept] = [*book.kept(mark)] if book is not None else []
        self._held: list[pa.RecordBatch] = []
        self._pages = self._told = 0
        self._since = time.monotonic()

    @property
    def state(self) -> Mapping[str, Any] | None:
        """Return how the last run goes on, with the pages that all of them have seen."""
        if not self._kept:
            return None
        seen = [mark for run in self._kept for mark in run.state["seen"]]
        self._told = len(seen)
        return {**self._kept[-1].state, "seen": seen}

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that are kept."""
        for run in self._kept:
            with storing(run.rows), run.rows.open("rb") as file, ipc.open_file(file) as reader:
                for number in range(reader.num_record_batches):
                    yield reader.get_batch(number)

    def begin_again(self) -> None:
        """Use nothing of what is kept; the next run takes the place of it."""
        self._kept, self._told = [], 0

    def forget(self) -> None:
        """Keep nothing of this reading."""
        if self._book is not None:
            self._book.forget(self._mark)
        self._book, self._held = None, []

    def add(self, page: pa.RecordBatch, walk: Walk) -> None:
        """Take the rows of a page; keep them when there are enough."""
        if self._book is None:
            return
        self._held.append(page)
        self._pages += 1
        size = sum(each.nbytes for each in self._held)
        if size >= _RUN_BYTES or self._pages >= _RUN_PAGES or time.monotonic() - self._since >= _RUN_SECONDS:
            self.save(walk)
        if self._held and size >= _MOST_BYTES:
            self._book, self._held = None, []  # it can't be kept, and more is not held for it

    def end(self, walk: Walk) -> None:
        """Keep the last rows, if those before them are kept."""
        if self._kept:
            self.save(walk)

    def save(self, walk: Walk) -> None:
        """Keep what is held as a run."""
        if self._book is None or not self._held:
            return
        state = walk.state(self._told)
        number = len(self._kept)
        if self._book.keep(self._mark, number, state, self._held):
            # Their rows are not read from there again; only how many there are counts from now on.
            self._kept.append(Kept(_NOWHERE, state))
            self._told += len(state["seen"])
            self._held, self._pages, self._since = [], 0, time.monotonic()


class Walk:
    """Walks from page to page."""

    def __init__(self, site: Site, target: str, trail: Trail) -> None:
        self._site: Final = site
        self._target: Final = target
        self.trail: Final = trail
        self._turner = http_pages.Turner(site, target)
        self._place = _Place(self._turner.first())
        self._answer: Answer | None = None

    def state(self, told: int) -> dict[str, Any]:
        """Return where this stands, as JSON, with the pages seen since `told` of them were."""
        return {"place": asdict(self._place), "turner": self._turner.state, "seen": self._turner.seen(told)}

    def kept(self, caller: Caller) -> Iterator[pa.RecordBatch | None]:
        """Yield the rows that earlier attempts read, once the API knows how to go on; None while it is waited for."""
        state = self.trail.state
        if state is None:
            return
        self._place = _Place(**state["place"])
        self._turner.go_on(state["turner"], state["seen"])
        if self._place.here is not None:
            try:
                self._answer = yield from waited(caller.fetch(self._place.here, page=self._place.pages + 1))
            except SourceRefused:
                self.trail.begin_again()
                self._turner = http_pages.Turner(self._site, self._target)
                self._place = _Place(self._turner.first())
                return
        yield from self.trail.rows()

    def pages(
        self, caller: Caller, rows_at: str, *, is_glance: bool
    ) -> Iterator[tuple[list[dict[str, Any]], int] | None]:
        """Yield the rows of each page and its number once it is known where it goes on; None while it is waited for."""
        site, place = self._site, self._place
        while place.here is not None:
            number = place.pages + 1
            if number > site.most_pages:
                raise _over(site, f"over {site.most_pages} pages", "max_pages")
            answer, self._answer = self._answer, None
            if answer is None:
                answer = yield from waited(caller.fetch(place.here, page=number))
            body = caller.body(answer, page=number)
            rows = [] if body is None else _rows(body, rows_at, caller, number)
            if place.rows + len(rows) > site.most_rows:
                raise _over(site, f"over {site.most_rows} rows", "max_rows")
            total = http_pages.total_of(body, site.total) if number == 1 else place.total
            digest = hashlib.sha256(answer.body).digest()
            following = None if is_glance else self._turner.next(body, answer.headers, rows=rows, digest=digest)
            place = self._place = _Place(following, number, place.rows + len(rows), total)
            yield rows, number
        if place.total not in {None, place.rows} and not is_glance:
            self.trail.forget()
            raise SourceUnreachable(
                f"The API at {site} told of {place.total} rows and gave {place.rows}: rows moved between its pages "
                "while they were read. Retry; if it stays so, let it order them by what does not change."
            )


def waited(waiting: Waiting) -> Generator[None, None, Answer]:
    """Yield None while an answer is waited for; return it."""
    while True:
        try:
            next(waiting)
        except StopIteration as ended:
            return ended.value
        yield None


def _rows(body: Any, place: str, caller: Caller, number: int) -> list[dict[str, Any]]:
    return http_pages.rows_of(body, place, refuse=lambda said: caller.refuse(number, said))


def _over(site: Site, said: str, option: str) -> SourceRefused:
    return SourceRefused(
        f"The API at {site} has {said}. Narrow the period, or raise {option} of the source if that is meant."
    )
