"""
The rows of an API: page by page, typed as declared, then in the order of the key.

Nothing holds an API still while it is read: its pages need not agree, and the manifest says so.  A row that comes on
two pages, and a total that is not reached, show that rows moved between them; then the reading is worth nothing and is
done again from the first page.  One that only had to stop goes on where it did (`http_walk`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lading.errors import SourceRefused, SourceThrottled, SourceUnreachable
from lading.sources import exact_json, filtering, ordered, request, typing_text
from lading.sources.guarded import Door
from lading.sources.http_calls import Caller
from lading.sources.http_site import Site
from lading.sources.http_walk import Trail, Walk, mark_of
from lading.sources.model import Rewrite, Selection, Source
from lading.sources.outside import Outside
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
        outside: Outside,
    ) -> None:
        self._source: Final = source
        self._site: Final = site
        self._scratch: Final = scratch
        self._caller: Final = caller
        self._outside: Final = outside
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
        trail = Trail(self._outside.book, mark_of(self._source.options, selection.request, parameters))
        walk = Walk(self._site, target, trail)
        stream = ordered.Stream(
            what=f"API at {self._site}",
            read=lambda: self._read(asked, parameters, walk=walk, caller=caller, door=door),
            seconds=self._source.timeout_seconds,
            scratch=self._scratch,
            stop=caller.stop,
            worded=lambda _: None,
            part=_PAGE,
            excused=lambda: caller.waited,
            spoilt=trail.forget,
        )
        return ordered.batches(stream, key=key)

    def _read(
        self, asked: Request, parameters: Mapping[str, object], *, walk: Walk, caller: Caller, door: Door
    ) -> Iterator[pa.RecordBatch]:
        schema = typing_text.schema_of((), asked.read).append(pa.field(_PAGE, pa.int32()))
        empty = pa.RecordBatch.from_pylist([], schema=schema)
        yield empty
        held: list[pa.RecordBatch] = []
        rows_at = self._site.rows if asked.rows is None else asked.rows
        try:
            for kept in walk.kept(caller):
                yield empty if kept is None else kept
            for page in walk.pages(caller, rows_at, is_glance=self._outside.is_glance):
                if page is None:
                    yield empty
                    continue
                rows, number = page
                batch = filtering.kept(_batch(rows, asked, number, site=self._site), asked.read, parameters)
                held.append(batch.append_column(_PAGE, pa.array([number] * batch.num_rows, pa.int32())))
                walk.trail.add(held[-1], walk)
                if sum(each.num_rows for each in held) >= _ROWS or sum(each.nbytes for each in held) >= _BYTES:
                    yield pa.concat_batches(held)
                    held = []
                else:
                    yield empty
            walk.trail.end(walk)
            if held:
                yield pa.concat_batches(held)
        except (SourceThrottled, SourceUnreachable):
            if not caller.is_stopped:
                walk.trail.save(walk)
            raise
        finally:
            door.close()


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
