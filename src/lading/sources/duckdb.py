"""
DuckDB as a source: its file, opened read-only, with nothing outside of it in reach.

No other file, no network, no extension, no setting can be reached from a query.  Types that Arrow or the mapping can't
hold are read as DuckDB's own text.  The library is large and optional: `pip install 'lading[duckdb]'`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from lading.errors import SourceError, SourceRefused, SourceUnreachable
from lading.sources import binding, ordered, places, ranges
from lading.sources.model import Check, KeyRange, Rewrite, Selection, Size, Source
from lading.sources.postgresql_connector import query_of

_SETTINGS: Final = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "lock_configuration": "true",
    "memory_limit": "128MB",
    "threads": "1",
}
_BATCH_ROWS: Final = 2048
_AS_IT_STANDS: Final = frozenset({
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "DOUBLE",
    "VARCHAR",
})  # fmt: skip
_NUMBERS: Final = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
})  # fmt: skip
_FINITE: Final = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})


def connector(source: Source, scratch: Path | None) -> DuckdbConnector:
    """Return the connector of a DuckDB file; SourceRefused where the library is not installed."""
    try:
        driver = importlib.import_module("duckdb")
    except ImportError:
        raise SourceRefused(
            "Sources of kind duckdb need the library duckdb; run: pip install 'lading[duckdb]' where the workers run."
        ) from None
    return DuckdbConnector(source, scratch, driver)


class DuckdbConnector:
    """A registered DuckDB file."""

    def __init__(self, source: Source, scratch: Path | None, driver: Any) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._driver: Final = driver
        self._path: Final = Path(source.options["path"])

    @contextmanager
    def open(self) -> Iterator[DuckdbReading]:
        """Begin one transaction."""
        connection = self._connected()
        try:
            yield DuckdbReading(self._source, connection, self._scratch, self._driver)
        finally:
            # It refuses while a thread that was left behind still hangs in it, and closes with that thread.
            with suppress(self._driver.Error):
                connection.close()

    def trial(self) -> list[Check]:
        """Open the file and look what is in it."""
        with closing(self._connected()) as connection:
            (count,) = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone()
        return [
            Check("connection", is_ok=True, detail=f"{self._path} is a DuckDB database with {count} tables."),
            Check("read_only", is_ok=True, detail="It is opened read-only."),
        ]

    def _connected(self) -> Any:
        path = places.require_file(self._path)
        try:
            connection = self._driver.connect(str(path), read_only=True, config=_SETTINGS)
            connection.execute("BEGIN")
        except self._driver.Error as error:
            raise _worded(error, self._path) from None
        return connection


class DuckdbReading:
    """One transaction of a DuckDB file."""

    consistency: Final = "read-transaction"

    def __init__(self, source: Source, connection: Any, scratch: Path | None, driver: Any) -> None:
        self._source: Final = source
        self._connection: Final = connection
        self._scratch: Final = scratch
        self._driver: Final = driver
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
        query, values = _bound(selection, parameters)
        return ordered.batches(self._stream(lambda: self._read(query, values, key, within)), key=key)

    def boundaries(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], size: Size
    ) -> Iterator[tuple[str, ...]]:
        """Yield the keys at which parts end; see connector.PartedReading."""
        query, values = _bound(selection, parameters)
        total: list[int] = []

        def read() -> Iterator[pa.RecordBatch]:
            described = self._described(query, values)
            self._key(described, key)
            (count,) = self._connection.execute(f"SELECT count(*) FROM (\n{query}\n)", values).fetchone()  # noqa: S608 - as below
            total.append(count)
            chosen = ", ".join(map(_quoted, key))
            yield from self._read(f"SELECT {chosen} FROM (\n{query}\n)", values, key, KeyRange())  # noqa: S608 - as below

        return ranges.ends(ordered.batches(self._stream(read), key=key), key, size=size, total=lambda: total[0])

    def _stream(self, read: Callable[[], Iterator[pa.RecordBatch]]) -> ordered.Stream:
        return ordered.Stream(
            what=f"database {self._path}",
            read=read,
            seconds=self._source.timeout_seconds,
            scratch=self._scratch,
            stop=self._connection.interrupt,
            worded=lambda error: _worded(error, self._path) if isinstance(error, self._driver.Error) else None,
        )

    def _described(self, query: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        if len(self._driver.extract_statements(query)) != 1:
            raise SourceRefused("The query of the profile is not one statement. Correct it.")
        described = self._connection.execute(f"DESCRIBE (\n{query}\n)", values).fetchall()
        return [(str(name), str(type_)) for name, type_, *_ in described]

    def _key(self, described: Sequence[tuple[str, str]], key: Sequence[str]) -> list[ranges.Column]:
        """Return how the key is compared; SourceRefused if that is not as we order it."""
        ordered.check_columns([name for name, _ in described], key, f"database {self._path}")
        return [_compared(name, dict(described)[name], f"database {self._path}") for name in key]

    def _read(
        self, query: str, values: Mapping[str, Any], key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        described = self._described(query, values)
        shown: list[str] = []
        for name, type_ in described:
            expression, told = _expression(name, type_)
            shown.append(expression)
            if told:
                self.rewritten.append(Rewrite(name, type_, told))
        ordered.check_columns([name for name, _ in described], [described[0][0]], f"database {self._path}")
        wrapped = f"SELECT {', '.join(shown)} FROM (\n{query}\n)"  # noqa: S608 - the profile's own query, names quoted
        if within != KeyRange():
            said, bounds = ranges.condition(within, self._key(described, key), placeholder="${}".format)
            # Of what stands there, before it is shown as something else.
            wrapped, values = f"{wrapped} AS source WHERE {said}", {**values, **bounds}
        relation = self._connection.sql(wrapped, params=values)
        reader = relation.to_arrow_reader(_BATCH_ROWS)
        schema = pa.schema([(field.name, _type(field.type)) for field in reader.schema])
        yield pa.RecordBatch.from_pylist([], schema=schema)
        for batch in reader:
            yield batch.cast(schema)


def _bound(selection: Selection, parameters: Mapping[str, object]) -> tuple[str, dict[str, Any]]:
    query, used = binding.bound(query_of(selection), parameters, "${}".format)
    return query, {name: _value(value) for name, value in used.items()}


def _compared(name: str, type_: str, what: str) -> ranges.Column:
    quoted = f"source.{_quoted(name)}"
    if type_ in _NUMBERS:
        return ranges.Column(quoted, quoted, bound=int)
    if type_ == "VARCHAR":
        return ranges.Column(quoted, f"encode({quoted})", "encode({}::VARCHAR)")
    if type_ in _FINITE:
        # An instant is written without its zone, which is that of no machine.
        zone = " || '+00'" if type_ == "TIMESTAMP WITH TIME ZONE" else ""
        return ranges.Column(quoted, quoted, f"CAST({{}}::VARCHAR{zone} AS {type_})")
    raise ranges.unfit(name, type_, what)


def _type(given: pa.DataType) -> pa.DataType:
    # An instant carries the time zone of the machine as its label.
    return pa.timestamp("us", "UTC") if pa.types.is_timestamp(given) and given.tz else given


def _value(value: object) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _expression(name: str, type_: str) -> tuple[str, str]:
    quoted = _quoted(name)
    if type_ in _AS_IT_STANDS:
        return quoted, ""
    if type_ in _FINITE:
        return f"CASE WHEN isfinite({quoted}) THEN {quoted} END AS {quoted}", "itself, infinity as empty"
    if type_ == "BLOB":
        return f"'\\x' || lower(hex({quoted})) AS {quoted}", "text, in hexadecimal"
    if type_ == "FLOAT":
        return f"{quoted}::VARCHAR::DOUBLE AS {quoted}", "double with the digits of the text"
    return f"{quoted}::VARCHAR AS {quoted}", "text"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _worded(error: Exception, path: Path) -> SourceError:
    words = " ".join(str(error).split())[:300]
    match type(error).__name__:
        case "IOException" if "lock" in words.lower():
            return SourceUnreachable(f"The database {path} is open for writing elsewhere. Retry when that is closed.")
        case "IOException" | "SerializationException":
            return SourceRefused(
                f"{path} is no DuckDB database that this version reads. Correct the path of the source."
            )
        case "InterruptException":
            return SourceUnreachable(f"The query in {path} was interrupted. Retry.")
        case "OutOfMemoryException":
            return SourceRefused(f"The query needs over 128 MB to be answered in {path}. Make it simpler.")
        case "PermissionException" | "InvalidInputException":
            return SourceRefused(f"The query does what a source does not let it do in {path}: {words}. Correct it.")
        case "CatalogException" | "BinderException" | "ParserException" | "SyntaxException":
            return SourceRefused(f"The database {path} refused the query: {words}. Correct the query in the profile.")
        case name:
            return SourceRefused(
                f"The database {path} can't compute a value ({name}). Correct the query in the profile."
            )
