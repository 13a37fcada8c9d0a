"""PostgreSQL behind the interface of all kinds: `postgresql.py` reads, here it is opened and tried."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pyarrow as pa
from psycopg.rows import dict_row

from lading.db.statements import Statements
from lading.errors import SourceRefused
from lading.sources import credentials, faults
from lading.sources.model import Check, KeyRange, Rewrite, Selection, Size, Source
from lading.sources.postgresql import PostgresSource, Snapshot
from lading.sources.prefetch import Overdue, call

_STATEMENTS: Final = Statements(__package__ or "lading.sources")


def connector(source: Source, _scratch: Path | None) -> PostgresConnector:
    """Return the connector of a PostgreSQL; it sorts by itself and needs no scratch folder."""
    return PostgresConnector(source)


class PostgresConnector:
    """A registered PostgreSQL."""

    def __init__(self, source: Source) -> None:
        self._source: Final = source

    @contextmanager
    def open(self) -> Iterator[PostgresReading]:
        """Open one snapshot."""
        with self._reached().snapshot() as snapshot:
            yield PostgresReading(snapshot)

    def trial(self) -> list[Check]:
        """Log in, and look whether the login can change anything."""
        reached = self._reached()
        place, begun = reached.place, time.monotonic()
        with reached.connect() as connection:
            try:
                row = call(lambda: _permissions(connection), seconds=min(10.0, place.seconds))
            except Overdue:
                raise faults.slow(place) from None
            except psycopg.Error as error:
                raise faults.from_query(error, place) from None
        milliseconds = round((time.monotonic() - begun) * 1000)
        answered = f"{place.where} answered {place.login!r} in {milliseconds} ms."
        return [
            Check("connection", is_ok=True, detail=answered),
            read_only(place.login, may_write=bool(row["is_superuser"] or row["may_write"])),
        ]

    def _reached(self) -> PostgresSource:
        url = credentials.of(self._source)
        return PostgresSource(url, timeout_seconds=self._source.timeout_seconds)


class PostgresReading:
    """One snapshot of a PostgreSQL."""

    consistency: Final = "repeatable-read-snapshot"

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot: Final = snapshot

    @property
    def rewritten(self) -> Sequence[Rewrite]:
        """Return the columns that were not read as they stand."""
        return self._snapshot.rewritten

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the query; see Reading."""
        return self._snapshot.batches(query_of(selection), parameters, key=key)

    def boundaries(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], size: Size
    ) -> Iterator[tuple[str, ...]]:
        """Yield the keys at which parts end; see PartedReading."""
        return self._snapshot.boundaries(query_of(selection), parameters, key=key, size=size)

    def part(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range of keys; see PartedReading."""
        return self._snapshot.batches(query_of(selection), parameters, key=key, within=within)


def query_of(selection: Selection) -> str:
    """Return the query of a selection; SourceRefused if the profile asks in a way no database understands."""
    if selection.query is None:
        raise SourceRefused(
            f"The profile has source.{selection.way}, but this source is a database; write source.query, "
            "or name another source."
        )
    return selection.query


def read_only(login: str, *, may_write: bool) -> Check:
    """Return the finding about what a login may do."""
    if may_write:
        mend = f"{login!r} may change data there. Lading only reads, but give it a login that can only read."
        return Check("read_only", is_ok=False, detail=mend)
    return Check("read_only", is_ok=True, detail=f"{login!r} can only read.")


def _permissions(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_STATEMENTS["permissions"]).fetchone()
    assert row is not None
    return row
