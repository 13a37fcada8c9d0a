"""
PostgreSQL as a source: one read-only snapshot, streamed as Arrow record batches in a fixed order.

`query.py` renders and describes a query, `columns.py` wraps it so that every column arrives as PostgreSQL means it;
here it is streamed in bounded memory.  Everything that waits for the source runs under the source's time limit, in a
thread that can be left behind.  Knows nothing of Lading's own database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
from adbc_driver_manager import _reader  # its batches raise errors with SQLSTATE; the public reader drops it

from lading.db.statements import Statements
from lading.sources import columns, faults
from lading.sources.columns import Column
from lading.sources.location import locate
from lading.sources.model import KeyRange, Rewrite, Size
from lading.sources.prefetch import Overdue, Prefetch, call
from lading.sources.query import describe, render, type_names
from lading.sources.rechunk import ROW_BYTES, KeyCheck, TooWide, rechunk

_STATEMENTS: Final = Statements(__package__ or "lading.sources")
_BATCH_BYTES: Final = "1000000"
_CONNECT_SECONDS: Final = 10
# The server's own limit should speak first: its error says more than silence.
_GRACE_SECONDS: Final = 2.0
# A request to stop may come before what it is to stop: it is sent again while the thread lives.
_REQUESTS: Final = 5
_REQUEST_SECONDS: Final = 1.0
_BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresSource:
    """A PostgreSQL to read from; makes no connection until asked for a snapshot."""

    def __init__(self, url: str, *, timeout_seconds: float, allow_private: bool = True) -> None:
        self._conninfo, self.place = locate(url, seconds=timeout_seconds, allow_private=allow_private)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one REPEATABLE READ, READ ONLY transaction; every query in it sees the same instant."""
        place = self.place
        # psycopg first: it tells a refused login from a source that is away, before the streaming driver connects.
        with self.connect() as plain:
            settings = render(
                plain, _STATEMENTS["session"], {"timeout_milliseconds": str(int(place.seconds * 1000))}, place
            )
        try:
            connection = call(lambda: adbc.connect(self._conninfo, autocommit=False), seconds=_CONNECT_SECONDS)
        except Overdue:
            raise faults.silent(place, _CONNECT_SECONDS) from None
        except adbc.Error as error:
            raise faults.from_connect(error, place) from None
        snapshot = Snapshot(self, connection)
        try:
            snapshot.begin(settings)
            yield snapshot
        finally:
            snapshot.close()

    def connect(self) -> psycopg.Connection[Any]:
        """Return a plain connection in autocommit, for describing and for trials."""
        seconds = min(_CONNECT_SECONDS, self.place.seconds)
        try:
            return call(lambda: psycopg.connect(self._conninfo, autocommit=True), seconds=seconds + 1)
        except Overdue:
            raise faults.silent(self.place, seconds) from None
        except psycopg.Error as error:
            raise faults.from_connect(error, self.place) from None


class Snapshot:
    """One transaction at the source.  One stream at a time; `rewritten` tells how columns were read."""

    def __init__(self, source: PostgresSource, connection: adbc.Connection) -> None:
        self._source: Final = source
        self._connection: Final = connection
        self._is_abandoned = False
        self._stream: Prefetch[pa.RecordBatch] | None = None
        self._describing: psycopg.Connection[Any] | None = None
        self.rewritten: Final[list[Rewrite]] = []

    def batches(
        self,
        query: str,
        parameters: Mapping[str, object],
        *,
        key: Sequence[str],
        within: KeyRange = KeyRange(),  # noqa: B008 - frozen
    ) -> Iterator[pa.RecordBatch]:
        """
        Yield the rows of `query` in the order of `key`, 16,384 to a batch, fewer where they are wide.

        There is always a first batch, empty if need be, so that the columns are known.  `key` must tell rows apart.
        """
        place = self._source.place
        watch = KeyCheck(key)
        with self._streaming(lambda: self._rows(query, parameters, key, within)) as stream:
            for batch in rechunk(stream):
                if fault := watch.fault(batch):
                    raise faults.refused_query(
                        place, f"its key ({', '.join(key)}) {fault}, so the order of rows is not fixed"
                    )
                yield batch

    def boundaries(
        self, query: str, parameters: Mapping[str, object], *, key: Sequence[str], size: Size
    ) -> Iterator[tuple[str, ...]]:
        """Yield the keys at which parts of this size end, as text."""
        place = self._source.place
        with self._streaming(lambda: self._boundaries(query, parameters, key, size)) as stream:
            for batch in stream:
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    if None in values:
                        raise faults.refused_query(
                            place, f"its key ({', '.join(key)}) is empty in some row, so the order of rows is not fixed"
                        )
                    yield values

    @contextmanager
    def _streaming(self, make: Callable[[], Iterator[pa.RecordBatch]]) -> Iterator[Prefetch[pa.RecordBatch]]:
        """Run `make()` ahead under the source's time limit; what goes wrong is a SourceError."""
        place = self._source.place
        stream = self._stream = Prefetch(make, seconds=place.seconds + _GRACE_SECONDS)
        try:
            yield stream
        except Overdue:
            raise faults.slow(place) from None
        except TooWide:
            raise faults.refused_query(place, f"a row holds over {ROW_BYTES >> 20} MiB; leave its files out") from None
        except (psycopg.Error, adbc.Error, OSError) as error:
            raise faults.from_query(error, place) from None
        finally:
            self._end(stream)

    def begin(self, settings: str) -> None:
        """Make the transaction read-only and fix its settings; called once by the source."""
        try:
            call(lambda: self._execute(_BEGIN, settings), seconds=_CONNECT_SECONDS)
        except Overdue:
            self._is_abandoned = True
            raise faults.silent(self._source.place, _CONNECT_SECONDS) from None
        except adbc.Error as error:
            raise faults.from_query(error, self._source.place) from None

    def close(self) -> None:
        """
        End the stream that is still read, then the transaction.

        A connection whose thread hangs is left to that thread, and closed when it ends.
        """
        stream = self._stream
        if stream is not None:
            # Whoever stops in the middle holds the rows still: their thread reads on over this connection.
            self._end(stream)
        if not self._is_abandoned:
            with suppress(Overdue):
                call(self._release, seconds=_CONNECT_SECONDS)
        elif stream is not None:
            stream.afterwards(self._release)

    def _release(self) -> None:
        with suppress(adbc.Error):
            self._connection.rollback()
        with suppress(adbc.Error):
            self._connection.close()

    def _execute(self, *statements: str) -> None:
        with self._connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _rows(
        self, query: str, parameters: Mapping[str, object], key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        with self._asking() as connection:
            text, described = self._described(connection, query, parameters, key)
            names = type_names(connection, described)
            self.rewritten.extend(columns.rewrites(described, names))
            chosen = columns.condition(within, _of_key(described, key), names)
            statement = columns.wrap(text, described, key=key, within=chosen).as_string(connection)
        return self._fetched(statement)

    def _boundaries(
        self, query: str, parameters: Mapping[str, object], key: Sequence[str], size: Size
    ) -> Iterator[pa.RecordBatch]:
        with self._asking() as connection:
            text, described = self._described(connection, query, parameters, key)
            statement = columns.boundaries(text, _of_key(described, key), size=size).as_string(connection)
        return self._fetched(statement)

    @contextmanager
    def _asking(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a plain connection that can be interrupted, too: a table may be locked."""
        with self._source.connect() as connection:
            self._describing = connection
            try:
                yield connection
            finally:
                self._describing = None

    def _described(
        self, connection: psycopg.Connection[Any], query: str, parameters: Mapping[str, object], key: Sequence[str]
    ) -> tuple[str, list[Column]]:
        text = render(connection, query, parameters, self._source.place)
        return text, describe(connection, text, key=key, place=self._source.place)

    def _fetched(self, statement: str) -> Iterator[pa.RecordBatch]:
        with self._connection.cursor(
            adbc_stmt_kwargs={"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES}
        ) as cursor:
            cursor.execute(statement)
            handle = cursor.fetch_arrow()  # owns the stream until it is imported
            reader = _reader.AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - as above
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield from reader

    def _end(self, stream: Prefetch[pa.RecordBatch]) -> None:
        # Never cancel what has ended: the request travels by itself and could hit the next query of this transaction.
        if not stream.is_ended and not stream.close(seconds=0.0):
            for _ in range(_REQUESTS):
                with suppress(adbc.Error, psycopg.Error, Overdue):
                    call(self._interrupt, seconds=_REQUEST_SECONDS)
                if stream.close(seconds=_REQUEST_SECONDS):
                    break
        self._is_abandoned = not stream.close()
        if not self._is_abandoned:
            self._stream = None

    def _interrupt(self) -> None:
        if (describing := self._describing) is not None:
            describing.cancel_safe(timeout=_REQUEST_SECONDS)
        self._connection.adbc_cancel()


def _of_key(described: Sequence[Column], key: Sequence[str]) -> list[Column]:
    by_name = {column.name: column for column in described}
    return [by_name[name] for name in key]
