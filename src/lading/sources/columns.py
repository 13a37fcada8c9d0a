"""
Which columns of a PostgreSQL result can be read as they stand, and how the others are read.

The Arrow driver streams the binary COPY format.  For the types below it was compared with PostgreSQL's own text and
found right; every other type would arrive as garbage, as wire bytes or not at all (notes in the test beside it), so
the query is wrapped and the type goes over as text that PostgreSQL itself wrote.  Pure: oids in, SQL text out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg.sql import SQL, Composable, Composed, Identifier

from lading.sources.model import Rewrite

# bool, int8, int2, int4, text, name, float8, bpchar, varchar: fixed oids of every PostgreSQL.
_AS_IT_STANDS: Final = frozenset({16, 20, 21, 23, 25, 19, 701, 1042, 1043})
_COLLATABLE: Final = frozenset({25, 19, 1042, 1043})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a described query."""

    name: str
    oid: int


@dataclass(frozen=True, slots=True)
class _Rule:
    read_as: str
    template: SQL


_TEXT: Final = _Rule("text", SQL("{}::text"))
# Infinity and the last instants overflow Arrow's integers without a word: read as empty, a required date quarantines.
_RULES: Final[Mapping[int, _Rule]] = {
    1082: _Rule("date, infinity as empty", SQL("CASE WHEN isfinite({0}) THEN {0} END")),
    1114: _Rule(
        "timestamp, infinity and beyond year 294246 as empty",
        SQL("CASE WHEN isfinite({0}) AND {0} < timestamp '294247-01-01' THEN {0} END"),
    ),
    1184: _Rule(
        "timestamptz, infinity and beyond year 294246 as empty",
        SQL("CASE WHEN isfinite({0}) AND {0} < timestamptz '294247-01-01 00:00+00' THEN {0} END"),
    ),
    700: _Rule("double precision with the digits of the text", SQL("{}::text::double precision")),
    790: _Rule("numeric as text, without currency sign", SQL("{}::numeric::text")),
}


def is_plain(column: Column) -> bool:
    """Return whether the driver reads this column right as it stands."""
    return column.oid in _AS_IT_STANDS


def rewrites(columns: Sequence[Column], names: Mapping[int, str]) -> list[Rewrite]:
    """Return the record of every column that is not read as it stands; `names` are the types' own."""
    return [
        Rewrite(column.name, names.get(column.oid, f"oid {column.oid}"), _RULES.get(column.oid, _TEXT).read_as)
        for column in columns
        if not is_plain(column)
    ]


def wrap(query: str, columns: Sequence[Column], *, key: Sequence[str]) -> Composed:
    """Return the query that reads `columns` of `query` safely, in the order of `key`."""
    by_name = {column.name: column for column in columns}
    return SQL("SELECT {}\nFROM (\n{}\n) AS source\nORDER BY {}").format(
        SQL(", ").join(_expression(column) for column in columns),
        SQL(query),  # pyright: ignore[reportArgumentType]  # prepared alone before: one complete statement
        SQL(", ").join(_order(by_name[name]) for name in key),
    )


def _expression(column: Column) -> Composable:
    reference = Identifier("source", column.name)
    if is_plain(column):
        return reference
    return SQL("{} AS {}").format(_RULES.get(column.oid, _TEXT).template.format(reference), Identifier(column.name))


def _order(column: Column) -> Composable:
    # COLLATE "C": the order of a text key must not change with the library of the server's operating system.
    suffix = SQL(' COLLATE "C"') if column.oid in _COLLATABLE else SQL("")
    return Identifier("source", column.name) + suffix
