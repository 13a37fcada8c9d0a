"""
SQLite as a source: one read transaction on a file that is opened read-only.

A column of SQLite has no type of its own, each value has one; a column of a batch has one for all rows.  So the query
runs twice in the same transaction: first it tells which types occur in each column, then the rows come, and a column
in which types are mixed is read as text.  Nothing but SELECT passes: no PRAGMA, no ATTACH, no extension.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from lading.errors import SourceError, SourceRefused, SourceUnreachable
from lading.sources import binding, ordered, places, ranges
from lading.sources.model import Check, KeyRange, Rewrite, Selection, Size, Source
from lading.sources.pieces import pieces
from lading.sources.postgresql_connector import query_of
from lading.sources.rechunk import ROW_BYTES

_BUSY_SECONDS: Final = 5.0
_ALLOWED: Final = frozenset({
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
})  # fmt: skip
_TWICE: Final = re.compile(r"(.+):\d+")
_TYPES: Final = ("integer", "real", "text", "blob")


def connector(source: Source, scratch: Path | None) -> SqliteConnector:
    """Return the connector of a SQLite file."""
    return SqliteConnector(source, scratch)


class SqliteConnector:
    """A registered SQLite file."""

    def __init__(self, source: Source, scratch: Path | None) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._path: Final = Path(source.options["path"])
        self._is_utf8 = True

    @contextmanager
    def open(self) -> Iterator[SqliteReading]:
        """Begin one read transaction."""
        with closing(self._connected()) as connection:
            yield SqliteReading(self._source, connection, self._scratch, is_utf8=self._is_utf8)

    def trial(self) -> list[Check]:
        """Open the file and look what is in it."""
        with closing(self._connected()) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view')"
            ).fetchone()
        told = f"{self._path} is a SQLite database with {count} tables and views."
        return [
            Check("connection", is_ok=True, detail=told),
            Check("read_only", is_ok=True, detail="It is opened read-only."),
        ]

    def _connected(self) -> sqlite3.Connection:
        path = places.require_file(self._path)
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None,
                check_same_thread=False,
            )  # fmt: skip
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_BYTES)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            # Once before the guard: SQLite declares this table in its schema, for which no query gets the right.
            connection.execute("SELECT 1 FROM pragma_table_xinfo('sqlite_schema') LIMIT 1").fetchone()
            self._is_utf8 = connection.execute("PRAGMA encoding").fetchone()[0] == "UTF-8"
            connection.set_authorizer(_may)
            connection.execute("BEGIN")
            # The snapshot is taken by the first read.
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as error:
            raise _worded(error, self._path) from None
        return connection


class SqliteReading:
    """One read transaction of a SQLite file."""

    consistency: Final = "read-transaction"

    def __init__(self, source: Source, connection: sqlite3.Connection, scratch: Path | None, *, is_utf8: bool) -> None:
        self._source: Final = source
        self._is_utf8: Final = is_utf8
        self._connection: Final = connection
        self._scratch: Final = scratch
        self._path: Final = Path(source.options["path"])
        self.rewritten: Final[list[Rewrite]] = []

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the query; see connector.Reading."""
        return self.part(selection, parameters, key=key, within=KeyRange())

    def part(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range; see connector.PartedReading."""
        query, values = self._bound(selection, parameters)
        return ordered.batches(self._stream(lambda: self._read(query, values, key, within)), key=key)

    def boundaries(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], size: Size
    ) -> Iterator[tuple[str, ...]]:
        """Yield the keys at which parts end; see connector.PartedReading."""
        query, values = self._bound(selection, parameters)
        total: list[int] = []

        def read() -> Iterator[pa.RecordBatch]:
            ordered.check_columns(self._names(query, values), key, f"database {self._path}")
            self._compared(self._types(query, values, key), key)
            total.append(self._connection.execute(f"SELECT count(*) FROM ({query})", values).fetchone()[0])  # noqa: S608 - as below
            chosen = ", ".join(map(_quoted, key))
            yield from self._read(f"SELECT {chosen} FROM ({query})", values, key, KeyRange())  # noqa: S608 - as below

        return ranges.ends(ordered.batches(self._stream(read), key=key), key, size=size, total=lambda: total[0])

    def _bound(self, selection: Selection, parameters: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        text, used = binding.bound(query_of(selection), parameters, ":{}".format)
        values = {name: binding.as_text(value) for name, value in used.items()}
        return f"SELECT * FROM (\n{text}\n)", values  # noqa: S608 - the profile's own query

    def _stream(self, read: Callable[[], Iterator[pa.RecordBatch]]) -> ordered.Stream:
        return ordered.Stream(
            what=f"database {self._path}",
            read=read,
            seconds=self._source.timeout_seconds,
            scratch=self._scratch,
            stop=self._connection.interrupt,
            worded=lambda error: _worded(error, self._path) if isinstance(error, sqlite3.Error) else None,
        )

    def _compared(self, found: Mapping[str, tuple[str, ...]], key: Sequence[str]) -> list[ranges.Column]:
        """Return how the key is compared; SourceRefused if that is not as we order it."""
        columns: list[ranges.Column] = []
        for name in key:
            quoted, types = _quoted(name), found[name]
            if types in {(), ("integer",)}:
                columns.append(ranges.Column(quoted, quoted, bound=int))
            elif types == ("text",) and self._is_utf8:
                columns.append(ranges.Column(quoted, f"{quoted} COLLATE BINARY"))
            else:
                told = " and ".join(types) if self._is_utf8 else f"{' and '.join(types)} in UTF-16"
                raise ranges.unfit(name, told, f"database {self._path}")
        return columns

    def _names(self, query: str, values: Mapping[str, object]) -> list[str]:
        described = self._connection.execute(f"{query} LIMIT 0", values).description or ()
        names = [str(column[0]) for column in described]
        for name in names:
            again = _TWICE.fullmatch(name)
            if again is not None and again[1] in names:
                raise SourceRefused(f"The query gives two columns named {again[1]!r}; give one an alias.")
        return names

    def _read(
        self, query: str, values: Mapping[str, object], key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        names = self._names(query, values)
        found = self._types(query, values, names)
        self.rewritten.extend(
            Rewrite(name, " and ".join(types), how.told) for name, types in found.items() if (how := _how(types)).told
        )
        # Types were asked of all rows, also where a part of them is read: it has the columns of the whole.
        if within != KeyRange():
            ordered.check_columns(names, key, f"database {self._path}")
            said, bounds = ranges.condition(within, self._compared(found, key), placeholder=":{}".format)
            query, values = f"SELECT * FROM ({query}) WHERE {said}", {**values, **bounds}  # noqa: S608 - as above
        cursor = self._connection.execute(query, values)
        yield from pieces(
            cursor.fetchmany, [(name, _how(types).type, _how(types).read) for name, types in found.items()]
        )

    def _types(self, query: str, values: Mapping[str, object], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the types that occur in each column."""
        asked = ", ".join(f"max(typeof({column}) = '{kind}')" for column in map(_quoted, names) for kind in _TYPES)
        row = self._connection.execute(f"SELECT {asked} FROM ({query})", values).fetchone()  # noqa: S608 - as above
        width = len(_TYPES)
        return {
            name: tuple(kind for kind, is_there in zip(_TYPES, row[at * width :], strict=False) if is_there)
            for at, name in enumerate(names)
        }


class _How:
    """How a column is read: its type in a batch, what is done to each value, what the manifest tells."""

    def __init__(self, type_: pa.DataType, read: Callable[[Any], Any] | None = None, told: str = "") -> None:
        self.type: Final = type_
        self.read: Final = read
        self.told: Final = told


def _how(types: tuple[str, ...]) -> _How:
    match types:
        case ("integer",):
            return _How(pa.int64())
        case ("real",):
            return _How(pa.float64())
        case () | ("text",):
            return _How(pa.string())
        case ("blob",):
            return _How(pa.string(), as_text, "text, bytes in hexadecimal")
        case _:
            return _How(pa.string(), as_text, "text, each value as it is stored")


def as_text(value: Any) -> str | None:
    r"""
    Return a value of any type as text, exactly.

    >>> as_text(12), as_text(1e-07), as_text(b"\x00\xff")
    ('12', '0.0000001', '\\x00ff')
    """
    match value:
        case None | str():
            return value
        case bytes():
            return "\\x" + value.hex()
        case float():
            return format(Decimal(repr(value)), "f")
        case _:
            return str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _may(action: int, first: str | None, second: str | None, *_: object) -> int:
    is_harmless = action in _ALLOWED and not (action == sqlite3.SQLITE_FUNCTION and second == "load_extension")
    # What columns a table has; of all pragmas the one that a snapshot asks.
    is_harmless |= action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo"
    return sqlite3.SQLITE_OK if is_harmless else sqlite3.SQLITE_DENY


def _worded(error: Exception, path: Path) -> SourceError:
    words = " ".join(str(error).split())[:300]
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_BUSY" | "SQLITE_LOCKED" | "SQLITE_BUSY_SNAPSHOT" | "SQLITE_BUSY_RECOVERY":
            return SourceUnreachable(f"The database {path} is locked by whoever writes it. Retry when that is done.")
        case "SQLITE_NOTADB":
            return SourceRefused(f"{path} is no SQLite database. Correct the path of the source.")
        case "SQLITE_CORRUPT":
            return SourceRefused(
                f"The database {path} is damaged. Check it with PRAGMA integrity_check, and restore it."
            )
        case "SQLITE_TOOBIG":
            return SourceRefused(f"The database {path} holds a value of over {ROW_BYTES >> 20} MiB. Leave it out.")
        case name if name.startswith(("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_PERM")):
            return SourceUnreachable(
                f"The database {path} can't be read ({name}). "
                "Let the user of the workers read it and its -wal and -shm beside it, then retry."
            )
        case "SQLITE_AUTH":
            return SourceRefused(f"The query does more than SELECT in {path}: {words}. Correct it in the profile.")
        case _ if "UTF-8" in words:
            return SourceRefused(f"The database {path} holds text that is not UTF-8. Cast that column to blob.")
        case _:
            return SourceRefused(f"The database {path} refused the query: {words}. Correct the query in the profile.")
