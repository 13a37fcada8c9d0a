"""
What every kind that does not sort for us shares: a deadline, the order of the key, fixed batches, a checked key.

A kind gives a generator that reads its rows, in any order; it runs in a thread of its own that can be left behind.
What the generator raises, the kind words; what is the same for all is worded here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from lading.errors import SourceError, SourceRefused, SourceTimeout, SourceUnreachable
from lading.sources.prefetch import Overdue, Prefetch
from lading.sources.rechunk import ROW_BYTES, KeyCheck, TooWide, rechunk
from lading.sources.sorting import EmptyKey, in_order

_LEAVING_SECONDS: Final = 3.0
_AGAIN_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Stream:
    """
    One stream of a source: `read` gives rows in any order, an empty batch first.

    `stop` interrupts it from another thread and may be called again, `worded` says what an error of the driver means;
    `what` is the noun for sentences, such as `database /srv/members.db`.  `part` is a column that the kind adds and
    nobody sees: two rows of one key from two parts are a row that moved while it was read, not a key that is none.
    `excused` tells how many seconds do not count into the time limit.  `spoilt` is called when nobody can
    use the rows that came: they are to be read anew.
    """

    what: str
    read: Callable[[], Iterator[pa.RecordBatch]]
    seconds: float
    scratch: Path | None
    stop: Callable[[], None]
    worded: Callable[[Exception], SourceError | None]
    part: str | None = None
    excused: Callable[[], float] = float
    spoilt: Callable[[], object] = bool


def batches(stream: Stream, *, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in the order of `key`, as connector.Reading promises."""
    ahead = Prefetch(stream.read, seconds=stream.seconds, excused=stream.excused)
    watch = KeyCheck(key, part=stream.part)
    try:
        for batch in _alive(in_order(_first_checked(ahead, stream, key), key, scratch=stream.scratch)):
            if fault := watch.fault(batch):
                stream.spoilt()
                raise _moved(stream, key) if watch.is_moved else _refused_key(stream, key, fault)
            yield batch if stream.part is None else batch.drop_columns([stream.part])
    except Overdue:
        raise too_slow(stream.what, stream.seconds) from None
    except EmptyKey:
        stream.spoilt()
        raise _refused_key(stream, key, "is empty in some row") from None
    except TooWide:
        raise SourceRefused(
            f"The {stream.what} holds a row of over {ROW_BYTES >> 20} MiB; leave its large columns out."
        ) from None
    except SourceError:
        raise
    except Exception as error:
        worded = stream.worded(error)
        if worded is None:
            raise
        raise worded from None
    finally:
        if not ahead.is_ended:
            _leave(ahead, stream.stop)


def _leave(ahead: Prefetch[pa.RecordBatch], stop: Callable[[], None]) -> None:
    """Interrupt the thread until it has ended; one that hangs is left behind."""
    until = time.monotonic() + _LEAVING_SECONDS
    seconds = 0.0
    # Again and again: what is asked between two calls of a driver is forgotten when the second begins.
    while not ahead.close(seconds=seconds) and time.monotonic() < until:
        with suppress(Exception):
            stop()
        seconds = _AGAIN_SECONDS


def too_slow(what: str, seconds: float) -> SourceTimeout:
    """Return the sentence for a source that did not answer in time."""
    return SourceTimeout(
        f"The {what} was not read within {seconds:g} s. "
        "Narrow the period, make its query faster, or raise the source's timeout_seconds."
    )


def _alive(found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Re-chunk what is in order; before the first row there are only signs of life, and they are let through."""
    for batch in found:
        if batch.num_rows:
            yield from rechunk(_chained(batch, found))
            return
        yield batch


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _first_checked(found: Prefetch[pa.RecordBatch], stream: Stream, key: Sequence[str]) -> Iterator[pa.RecordBatch]:
    is_first = True
    for batch in found:
        if is_first:
            check_columns(batch.schema.names, key, stream.what)
            is_first = False
        if batch.nbytes > ROW_BYTES and batch.num_rows == 1:
            raise TooWide
        yield batch


def check_columns(names: Sequence[str], key: Sequence[str], what: str) -> None:
    """Refuse columns that can't be told apart, and a key that is not among them."""
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = [name for name in key if name not in names]
    if not names:
        raise SourceRefused(f"The {what} gives no columns. Correct source in the profile.")
    if twice:
        raise SourceRefused(f"The {what} gives two columns named {twice[0]!r}; give one another name.")
    if missing or not key:
        named = f"names {missing[0]!r}, which is not among the columns" if missing else "is empty"
        raise SourceRefused(f"The key of the profile {named} that the {what} gives. Correct source.key.")


def _moved(stream: Stream, key: Sequence[str]) -> SourceUnreachable:
    return SourceUnreachable(
        f"The key ({', '.join(key)}) of the rows in the {stream.what} is the same in two rows of two pages: rows moved "
        "between its pages while they were read. Retry; if it stays so, let it order them by what does not change, or "
        "correct source.key in the profile."
    )


def _refused_key(stream: Stream, key: Sequence[str], fault: str) -> SourceRefused:
    return SourceRefused(
        f"The key ({', '.join(key)}) of the rows in the {stream.what} {fault}, so the order of rows is not fixed. "
        "Correct source.key in the profile, or the rows."
    )
