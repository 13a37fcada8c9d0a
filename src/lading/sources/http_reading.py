"""
The rows of an API: page by page, typed as declared, then in the order of the key.

Nothing holds an API still while it is read: its pages need not agree, and the manifest says so.  A row that comes on
two pages, and a total that is not reached, show that rows moved between them; then the reading is worth nothing and is
done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lading.errors import SourceRefused, SourceUnreachable
from lading.sources import exact_json, filtering, http_pages, ordered, request, typing_text
from lading.sources.guarded import Answer, Door
from lading.sources.http_calls import Caller, Waiting
from lading.sources.http_site import Site
from lading.sources.model import Rewrite, Selection, Source
from lading.sources.request import Request

_ROWS: Final = 4096
_BYTES: Final = 4 << 20
# No name of a column: profiles hold no control characters.
_PAGE: Final = "\0page"


class HttpReading:
    """Pages of an API, each as it is when its turn comes."""

    consistency: Final = "pages"

    def __init__(
        self,
        source: Source,
        site: Site,
        scratch: Path | None,
        caller: Callable[[], tuple[Caller, Door]],
        *,
        is_glance: bool,
    ) -> None:
        self._source: Final = source
        self._site: Final = site
        self._scratch: Final = scratch
        self._caller: Final = caller
        self._is_glance: Final = is_glance
        self.rewritten: Final[list[Rewrite]] = []

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all pages; see connector.Reading."""
        if selection.request is None:
            raise SourceRefused(
                f"The profile has source.{selection.way}, but this source is an API over HTTP; write source.request, "
                "or name another source."
            )
        asked = request.parse(selection.request)
        target = request.target(asked, parameters)
        caller, door = self._caller()
        stream = ordered.Stream(
            what=f"API at {self._site}",
            read=lambda: self._read(asked, parameters, target, caller=caller, door=door),
            seconds=self._source.timeout_seconds,
            scratch=self._scratch,
            stop=caller.stop,
            worded=lambda _: None,
            part=_PAGE,
            excused=lambda: caller.waited,
        )
        return ordered.batches(stream, key=key)

    def _read(
        self, asked: Request, parameters: Mapping[str, object], target: str, *, caller: Caller, door: Door
    ) -> Iterator[pa.RecordBatch]:
        schema = typing_text.schema_of((), asked.read).append(pa.field(_PAGE, pa.int32()))
        empty = pa.RecordBatch.from_pylist([], schema=schema)
        yield empty
        held: list[pa.RecordBatch] = []
        try:
            for page in self._pages(asked, target, caller=caller):
                if page is None:
                    yield empty
                    continue
                rows, number = page
                batch = filtering.kept(_batch(rows, asked, number, site=self._site), asked.read, parameters)
                held.append(batch.append_column(_PAGE, pa.array([number] * batch.num_rows, pa.int32())))
                if sum(each.num_rows for each in held) >= _ROWS or sum(each.nbytes for each in held) >= _BYTES:
                    yield pa.concat_batches(held)
                    held = []
                else:
                    yield empty
            if held:
                yield pa.concat_batches(held)
        finally:
            door.close()

    def _pages(
        self, asked: Request, target: str, *, caller: Caller
    ) -> Iterator[tuple[list[dict[str, Any]], int] | None]:
        """Yield the rows of each page and its number; None while it is waited for."""
        site = self._site
        turner = http_pages.Turner(site, target)
        place = site.rows if asked.rows is None else asked.rows
        here: str | None = turner.first()
        number = count = 0
        total: int | None = None
        while here is not None:
            number += 1
            if number > site.most_pages:
                raise _over(site, f"over {site.most_pages} pages", "max_pages")
            answer = yield from _waited(caller.fetch(here, page=number))
            body = caller.body(answer, page=number)
            rows = [] if body is None else _rows(body, place, caller, number)
            count += len(rows)
            if count > site.most_rows:
                raise _over(site, f"over {site.most_rows} rows", "max_rows")
            total = http_pages.total_of(body, site.total) if number == 1 else total
            yield rows, number
            if self._is_glance:
                return
            digest = hashlib.sha256(answer.body).digest()
            here = turner.next(body, answer.headers, rows=rows, digest=digest)
        if total is not None and total != count:
            raise SourceUnreachable(
                f"The API at {site} told of {total} rows and gave {count}: rows moved between its pages while they "
                "were read. Retry; if it stays so, let it order them by what does not change."
            )


def _rows(body: Any, place: str, caller: Caller, number: int) -> list[dict[str, Any]]:
    return http_pages.rows_of(body, place, refuse=lambda said: caller.refuse(number, said))


def _waited(waiting: Waiting) -> Generator[None, None, Answer]:
    while True:
        try:
            next(waiting)
        except StopIteration as ended:
            return ended.value
        yield None


def _batch(rows: Sequence[Mapping[str, Any]], asked: Request, number: int, *, site: Site) -> pa.RecordBatch:
    columns = asked.read.columns
    arrays = [
        typing_text.column(
            [exact_json.text(row.get(name)) for row in rows],
            type_,
            asked.read,
            name=name,
            file=f"Page {number} of the API at {site}",
            lines=range(1, len(rows) + 1),
            unit="row",
        )
        for name, type_ in columns.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _over(site: Site, said: str, option: str) -> SourceRefused:
    return SourceRefused(
        f"The API at {site} has {said}. Narrow the period, or raise {option} of the source if that is meant."
    )
