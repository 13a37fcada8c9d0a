"""
MySQL and MariaDB as a source: one read-only transaction with a consistent snapshot, streamed without buffering.

The driver gives every value as the server's own text, and `mysql_types` says what each column is; so nothing passes
through Python's dates and numbers on its way.  The session is set up to be the same on every server: UTC, utf8mb4, a
strict mode, a time limit of the server itself.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa
import pymysql
import pymysql.converters
import pymysql.cursors

from lading.errors import SourceError, SourceRefused
from lading.sources import binding, credentials, faults, mysql_types, ordered, ranges
from lading.sources.faults import Place
from lading.sources.model import Check, KeyRange, Rewrite, Selection, Size, Source
from lading.sources.mysql_faults import from_connect, from_query
from lading.sources.pieces import pieces
from lading.sources.postgresql_connector import query_of, read_only
from lading.sources.prefetch import Overdue, call

_CONNECT_SECONDS: Final = 10
_GRACE_SECONDS: Final = 2.0
# Encoders only: without decoders a value stays what the server wrote.
_CONVERSIONS: Final[dict[Any, Any]] = {
    kind: convert for kind, convert in pymysql.converters.conversions.items() if not isinstance(kind, int)
}
_SESSION: Final = (
    "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY', net_write_timeout = 600",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
)
_BEGIN: Final = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
_WRITING: Final = frozenset({
    "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "ALL PRIVILEGES", "SUPER", "FILE", "DELETE HISTORY",
})  # fmt: skip


def connector(source: Source, scratch: Path | None) -> MysqlConnector:
    """Return the connector of a MySQL or MariaDB."""
    return MysqlConnector(source, scratch)


class MysqlConnector:
    """A registered MySQL or MariaDB."""

    def __init__(self, source: Source, scratch: Path | None) -> None:
        self._source: Final = source
        self._scratch: Final = scratch

    @contextmanager
    def open(self) -> Iterator[MysqlReading]:
        """Open one transaction; everything read in it is of one instant."""
        place, arguments = located(self._source)
        connection = _connected(place, arguments)
        try:
            _begin(connection, place)
            yield MysqlReading(connection, place, self._scratch)
        finally:
            # Not `close`: that reads what is left of a stream to its end.
            connection._force_close()  # noqa: SLF001 - the driver's own way to leave

    def trial(self) -> list[Check]:
        """Log in, and look whether the login can change anything."""
        begun = time.monotonic()
        place, arguments = located(self._source)
        connection = _connected(place, arguments)
        try:
            _begin(connection, place)
            with connection.cursor(pymysql.cursors.Cursor) as cursor:
                cursor.execute("SHOW GRANTS")
                grants = [str(row[0]) for row in cursor.fetchall()]
        except pymysql.Error as error:
            raise from_query(error, place) from None
        finally:
            connection._force_close()  # noqa: SLF001 - as above
        milliseconds = round((time.monotonic() - begun) * 1000)
        answered = f"{place.where} answered {place.login!r} in {milliseconds} ms."
        return [
            Check("connection", is_ok=True, detail=answered),
            read_only(place.login, may_write=any(_writes(grant) for grant in grants)),
        ]


class MysqlReading:
    """One transaction at a MySQL or MariaDB."""

    consistency: Final = "repeatable-read-snapshot"

    def __init__(self, connection: Any, place: Place, scratch: Path | None) -> None:
        self._connection: Final = connection
        self._place: Final = place
        self._scratch: Final = scratch
        self.rewritten: Final[list[Rewrite]] = []

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the query; see connector.Reading."""
        query, values = _bound(selection, parameters)
        return ordered.batches(self._stream(lambda: self._read(query, values)), key=key)

    def part(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a range; see connector.PartedReading."""
        query, values = _bound(selection, parameters)

        def read() -> Iterator[pa.RecordBatch]:
            said, bounds = ranges.condition(within, self._key(query, values, key), placeholder="%({})s".format)
            yield from self._read(f"SELECT * FROM (\n{query}\n) AS source WHERE {said}", {**values, **bounds})  # noqa: S608 - the profile's own query

        return ordered.batches(self._stream(read), key=key)

    def boundaries(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], size: Size
    ) -> Iterator[tuple[str, ...]]:
        """Yield the keys at which parts end; see connector.PartedReading."""
        query, values = _bound(selection, parameters)
        total: list[int] = []

        def read() -> Iterator[pa.RecordBatch]:
            self._key(query, values, key)
            with self._connection.cursor(pymysql.cursors.Cursor) as cursor:
                cursor.execute(f"SELECT count(*) FROM (\n{query}\n) AS source", dict(values))  # noqa: S608 - as above
                total.append(int(cursor.fetchone()[0]))
            chosen = ", ".join(_quoted(name) for name in key)
            yield from self._read(f"SELECT {chosen} FROM (\n{query}\n) AS source", values)  # noqa: S608 - as above

        return ranges.ends(ordered.batches(self._stream(read), key=key), key, size=size, total=lambda: total[0])

    def _stream(self, read: Callable[[], Iterator[pa.RecordBatch]]) -> ordered.Stream:
        return ordered.Stream(
            what=f"database {self._place.where}",
            read=read,
            seconds=self._place.seconds + _GRACE_SECONDS,
            scratch=self._scratch,
            stop=self._leave,
            worded=self._worded,
        )

    def _key(self, query: str, values: Mapping[str, object], key: Sequence[str]) -> list[ranges.Column]:
        """Return how the key is compared; SourceRefused if that is not as we order it."""
        what = f"database {self._place.where}"
        with self._connection.cursor(pymysql.cursors.Cursor) as cursor:
            cursor.execute(f"SELECT * FROM (\n{query}\n) AS source LIMIT 0", dict(values))  # noqa: S608 - as above
            fields = {field.name: field for field in cursor._result.fields}  # noqa: SLF001 - flags stand only there
        ordered.check_columns(list(fields), key, what)
        return [_compared(fields[name], f"source.{_quoted(name)}", what) for name in key]

    def _read(self, query: str, values: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        cursor = self._connection.cursor(pymysql.cursors.SSCursor)
        try:
            cursor.execute(query, dict(values))
            if cursor.description is None:
                raise faults.refused_query(self._place, "it returns no columns")
            yield from self._rows(cursor)
        finally:
            # The driver would read what is left of the rows when the cursor is collected.
            if cursor._result is not None:  # noqa: SLF001 - there is no other way to tell it
                cursor._result.unbuffered_active = False  # noqa: SLF001 - as above
            cursor.connection = None

    def _rows(self, cursor: Any) -> Iterator[pa.RecordBatch]:
        columns = [mysql_types.column(field) for field in cursor._result.fields]  # noqa: SLF001 - flags stand only there
        self.rewritten.extend(column.rewrite for column in columns if column.rewrite is not None)
        rows = pieces(cursor.fetchmany, [(column.name, column.carried, column.read) for column in columns])
        for batch in rows:
            arrays = [column.finished(array) for column, array in zip(columns, batch.columns, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)

    def _leave(self) -> None:
        handle = self._connection._sock  # noqa: SLF001 - only the socket wakes a thread that reads from it
        if handle is not None:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def _worded(self, error: Exception) -> SourceError | None:
        if isinstance(error, pymysql.Error | OSError):
            return from_query(error, self._place)
        return None


def _bound(selection: Selection, parameters: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    query, used = binding.bound(query_of(selection), parameters, "%({})s".format, percent="%%")
    return query, {name: binding.as_text(value) for name, value in used.items()}


def _compared(field: Any, quoted: str, what: str) -> ranges.Column:
    match mysql_types.order_of(field):
        case "number":
            return ranges.Column(quoted, quoted, bound=int)
        case "time":
            return ranges.Column(quoted, quoted)
        case "text":
            # By bytes of UTF-8, whatever character set and collation it has there.
            return ranges.Column(
                quoted, f"CAST(CONVERT({quoted} USING utf8mb4) AS BINARY)", "CAST(CONVERT({} USING utf8mb4) AS BINARY)"
            )
        case "bytes":
            return ranges.Column(quoted, quoted, "UNHEX({})", lambda text: text.removeprefix("\\x"))
        case None:
            raise ranges.unfit(field.name, "of a type", what)


def _quoted(name: str) -> str:
    # A sign of percent is one of the driver's, too.
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def located(source: Source) -> tuple[Place, dict[str, Any]]:
    """Return the place and the driver's arguments; SourceRefused if the URL won't do."""
    url = credentials.of(source)
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:
        # The library's own words may quote the password.
        parts, port = urlsplit(""), 0
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in {"mysql", "mariadb"} or not (parts.hostname and parts.username and database and port):
        raise SourceRefused(
            "The source's credentials must be a URL like mysql://user:password@host:3306/database, with special "
            "characters percent-encoded; correct what is stored there."
        )
    options = dict(parse_qsl(parts.query))
    unknown = sorted(set(options) - {"tls", "tls_ca"})
    if unknown or options.get("tls", "preferred") not in {"disabled", "preferred", "required", "verified"}:
        raise SourceRefused(
            "The source's URL has an option that is not known; tls=disabled, preferred, required or verified and "
            "tls_ca=/path are."
        )
    place = Place(f"{parts.hostname}:{port}/{database}", unquote(parts.username), float(source.timeout_seconds))
    return place, {
        "host": parts.hostname,
        "port": port,
        "user": unquote(parts.username),
        "password": unquote(parts.password or ""),
        "database": database,
        **_tls(options),
    }


def _tls(options: Mapping[str, str]) -> dict[str, Any]:
    match options.get("tls", "preferred"):
        case "disabled":
            return {"ssl_disabled": True}
        case "verified":
            return {"ssl": _verifying(options.get("tls_ca"))}
        case "required":
            return {"ssl": {"check_hostname": False, "verify_mode": "none"}}
        case _:
            return {}


def _verifying(authority: str | None) -> ssl.SSLContext:
    """Return what verifies certificate and name; the driver leaves out the name where there is no tls_ca."""
    try:
        context = ssl.create_default_context(cafile=authority)
    except OSError:
        raise SourceRefused("The tls_ca of the source's URL is no certificate that can be read; correct it.") from None
    # Strict, as Python has it since 3.13, refuses the authorities that MySQL makes for itself.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _connected(place: Place, arguments: Mapping[str, Any]) -> Any:
    seconds = max(1, min(_CONNECT_SECONDS, int(place.seconds)))
    try:
        return call(
            lambda: pymysql.connect(
                **arguments,
                charset="utf8mb4",
                connect_timeout=seconds,
                read_timeout=place.seconds + _GRACE_SECONDS,
                write_timeout=seconds,
                autocommit=False,
                local_infile=False,
                conv=_CONVERSIONS,
                program_name="lading",
                read_default_file=None,
            ),
            seconds=seconds + 1,
        )
    except Overdue:
        raise faults.silent(place, seconds) from None
    except (pymysql.Error, OSError, RuntimeError) as error:
        raise from_connect(error, place) from None


def _begin(connection: Any, place: Place) -> None:
    try:
        with connection.cursor(pymysql.cursors.Cursor) as cursor:
            for statement in _SESSION:
                cursor.execute(statement)
            if "MariaDB" in connection.get_server_info():
                cursor.execute("SET SESSION max_statement_time = %s", (place.seconds,))
            else:
                cursor.execute("SET SESSION max_execution_time = %s", (max(1, int(place.seconds * 1000)),))
            cursor.execute(_BEGIN)
    except (pymysql.Error, OSError) as error:
        raise from_query(error, place) from None


def _writes(grant: str) -> bool:
    given = grant.upper().removeprefix("GRANT ").partition(" ON ")[0]
    return any(right.strip().partition(" (")[0] in _WRITING for right in given.split(","))
