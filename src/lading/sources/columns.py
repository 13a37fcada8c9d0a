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

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from lading.sources.model import KeyRange, Rewrite, Size

# bool, int8, int2, int4, text, name, float8, bpchar, varchar: fixed oids of every PostgreSQL.
_AS_IT_STANDS: Final = frozenset({16, 20, 21, 23, 25, 19, 701, 1042, 1043})
_COLLATABLE: Final = frozenset({25, 19, 1042, 1043})
# A cast to `character` would cut a bound to its first letter.
_UNCUT: Final = {1042: "bpchar"}


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


def wrap(query: str, columns: Sequence[Column], *, key: Sequence[str], within: Composable) -> Composed:
    """Return the query that reads `columns` of `query` safely, in the order of `key`; `within` says which rows."""
    by_name = {column.name: column for column in columns}
    return SQL("SELECT {}\nFROM (\n{}\n) AS source\nWHERE {}\nORDER BY {}").format(
        SQL(", ").join(_expression(column) for column in columns),
        _plain(query),
        within,
        SQL(", ").join(_order(by_name[name]) for name in key),
    )


def condition(wanted: KeyRange, key: Sequence[Column], names: Mapping[int, str]) -> Composable:
    """
    Return what holds for the rows of a range; `names` are what types are called at the source.

    A row whose key is empty belongs to the last range, so that whoever reads that finds the fault.
    """
    columns = SQL(", ").join(_order(column) for column in key)
    conditions: list[Composable] = []
    if wanted.low is not None:
        above = SQL("ROW({}) > ROW({})").format(columns, _bound(wanted.low, key, names))
        empty = [SQL("{} IS NULL").format(Identifier("source", column.name)) for column in key]
        conditions.append(above if wanted.high is not None else SQL("({})").format(SQL(" OR ").join([above, *empty])))
    if wanted.high is not None:
        conditions.append(SQL("ROW({}) <= ROW({})").format(columns, _bound(wanted.high, key, names)))
    return SQL(" AND ").join(conditions) if conditions else SQL("true")


def boundaries(query: str, key: Sequence[Column], *, size: Size) -> Composed:
    """
    Return the query for the keys at which parts of this size end, as text, in order; empty keys come too.

    The last part has no end: so the last row is none.
    """
    order = SQL(", ").join(_order(column) for column in key)
    aliases = [Identifier(f"k{number}") for number in range(len(key))]
    named = [
        SQL("{} AS {}").format(Identifier("source", column.name), alias)
        for column, alias in zip(key, aliases, strict=True)
    ]
    total, ends = SQL(""), SQL("n % {} = 0").format(Literal(size.rows))
    if size.count is not None:
        # Where so many parts of even size end; each row ends one where there are fewer rows than parts.
        total = SQL(", count(*) OVER () AS total")
        ends = SQL("n * {0} % total < {0}").format(Literal(size.count))
    return SQL(
        "SELECT {}\nFROM (\n"
        "    SELECT {}, row_number() OVER (ORDER BY {}) AS n, lead(true) OVER (ORDER BY {}) AS goes_on{}\n"
        "    FROM (\n{}\n) AS source\n) AS counted\nWHERE {} AND goes_on OR {}\nORDER BY n"
    ).format(
        SQL(", ").join(SQL("{}::text").format(alias) for alias in aliases),
        SQL(", ").join(named),
        order,
        order,
        total,
        _plain(query),
        ends,
        SQL(" OR ").join(SQL("{} IS NULL").format(alias) for alias in aliases),
    )


def _bound(values: Sequence[str], key: Sequence[Column], names: Mapping[int, str]) -> Composable:
    return SQL(", ").join(
        SQL("{}::{}").format(Literal(value), _plain(_UNCUT.get(column.oid, names[column.oid])))
        for value, column in zip(values, key, strict=True)
    )


def _plain(text: str) -> SQL:
    # A query that was prepared alone before, so one complete statement, or a name that the source itself quoted.
    return SQL(text)  # pyright: ignore[reportArgumentType]


def _expression(column: Column) -> Composable:
    reference = Identifier("source", column.name)
    if is_plain(column):
        return reference
    return SQL("{} AS {}").format(_RULES.get(column.oid, _TEXT).template.format(reference), Identifier(column.name))


def _order(column: Column) -> Composable:
    # COLLATE "C": the order of a text key must not change with the library of the server's operating system.
    suffix = SQL(' COLLATE "C"') if column.oid in _COLLATABLE else SQL("")
    return Identifier("source", column.name) + suffix
