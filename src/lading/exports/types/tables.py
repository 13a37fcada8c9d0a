"""
Tables of a database as a snapshot reads them: their columns and keys from the catalogue, their rows in the key's order.

Everything is asked through one reading, so that catalogue and rows are of one instant.  A table without a primary key
has no order that repeats, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Final

import pyarrow as pa

from lading.errors import SourceRefused
from lading.sources.connector import Reading
from lading.sources.model import Selection

_QUOTES: Final = {"mysql": "`"}
_MOMENTS: Final = frozenset({"postgresql", "mysql"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the source describes it; what a query computes has neither type nor nullability there."""

    name: str
    type: str | None
    nullable: bool | None
    read_as: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the column as plain JSON values."""
        return asdict(self)


def described(reading: Reading, kind: str, table: str) -> tuple[list[Column], tuple[str, ...]]:
    """Return the columns of a table and its primary key; SourceRefused when there is no such table, or no key."""
    schema, _, name = table.rpartition(".")
    parameters = {"name": name, "schema": schema, "quoted": _quoted(table, kind)}
    rows = _rows(reading, _text(kind), parameters, key="place")
    if not rows:
        raise SourceRefused(f"The source has no table {table} that its login may see; name another, or grant it.")
    key = tuple(row["name"] for row in sorted(rows, key=_key_place) if row["key_place"] is not None)
    if not key:
        raise SourceRefused(
            f"The table {table} has no primary key, so its rows have no order that repeats; give it one, "
            "or write a profile with source.key and make a snapshot of that."
        )
    return [Column(row["name"], row["type"], bool(row["nullable"])) for row in rows], key


def rows_of(
    reading: Reading, kind: str, table: str, columns: Sequence[Column], key: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table in the order of its key, with all its columns: some sources hide some from a star."""
    names = ", ".join(_name(column.name, kind) for column in columns)
    # A name is no parameter; quoted, it stays one.
    query = _text("rows").replace("{table}", _quoted(table, kind)).replace("{columns}", names)
    return reading.batches(Selection(query), {}, key=key)


def moment(reading: Reading, kind: str) -> dict[str, str]:
    """Return what the source calls the instant that is read, as far as it has a word for it."""
    if kind not in _MOMENTS:
        return {}
    [row] = _rows(reading, _text(f"{kind}_moment"), {}, key="at")
    return {name: str(row[name]) for name in ("id", "at") if row[name]}


def _rows(reading: Reading, query: str, parameters: Mapping[str, object], *, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for batch in reading.batches(Selection(query), parameters, key=(key,)):
        rows += batch.to_pylist()
    return rows


def _key_place(row: Mapping[str, Any]) -> int:
    return int(row["key_place"] or 0)


def _text(name: str) -> str:
    return (resources.files(__package__ or "") / "catalog" / f"{name}.sql").read_text("utf-8")


def _quoted(table: str, kind: str) -> str:
    return ".".join(_name(part, kind) for part in table.split("."))


def _name(name: str, kind: str) -> str:
    """Return a quoted name; a percent sign in it begins no parameter."""
    mark = _QUOTES.get(kind, '"')
    return mark + name.replace(mark, mark * 2).replace("%", "%%") + mark
