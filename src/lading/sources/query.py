"""
A profile's query before it runs: its parameters rendered, its columns described.

libpq renders every value as a literal on the live connection, so a hostile string stays a string; the streaming driver
takes no parameters.  Describing prepares the text without running it: PostgreSQL refuses more than one statement there,
so what is wrapped later is one complete query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus
from psycopg.sql import SQL
from psycopg.types.array import ListDumper

from lading.db.statements import Statements
from lading.errors import SourceRefused
from lading.sources import faults
from lading.sources.columns import Column
from lading.sources.faults import Place

_STATEMENTS: Final = Statements(__package__ or "lading.sources")
_SCALARS: Final = (str, int, bool, date, Decimal, UUID)  # a datetime is a date


class _TextListDumper(ListDumper):
    """Writes a list of texts with its type: an untyped literal fits neither `cardinality` nor `= ANY`."""

    def quote(self, obj: list[Any]) -> bytes:
        quoted = bytes(super().quote(obj))
        return quoted + b"::text[]" if all(item is None or isinstance(item, str) for item in obj) else quoted


def render(
    connection: psycopg.Connection[Any], query: SQL | str, parameters: Mapping[str, object], place: Place
) -> str:
    """Return `query` with every `%(name)s` replaced by the literal of its value."""
    connection.adapters.register_dumper(list, _TextListDumper)
    for name, value in parameters.items():
        _check_value(name, value, place)
    text: SQL | LiteralString = query  # pyright: ignore[reportAssignmentType]  # a profile's query is data by design
    try:
        rendered = psycopg.ClientCursor(connection).mogrify(text, parameters)
    except (psycopg.Error, KeyError) as error:
        raise faults.refused_query(place, f"its parameters don't fit ({str(error).strip()[:200]})") from None
    return rendered.strip().removesuffix(";")


def describe(connection: psycopg.Connection[Any], text: str, *, key: Sequence[str], place: Place) -> list[Column]:
    """Return the columns of `text` without running it; SourceRefused if it is not one query with `key` in it."""
    raw = connection.pgconn
    encoded = text.encode("utf-8")
    prepared = raw.prepare(b"", encoded)
    if prepared.status != ExecStatus.COMMAND_OK:
        raise faults.from_query(psycopg.errors.error_from_result(prepared, encoding="utf-8"), place)
    described = raw.describe_prepared(b"")
    columns = [
        Column((described.fname(index) or b"").decode("utf-8"), described.ftype(index))
        for index in range(described.nfields)
    ]
    _check_columns([column.name for column in columns], key, place)
    return columns


def type_names(connection: psycopg.Connection[Any], columns: Sequence[Column]) -> dict[int, str]:
    """Return what the types of `columns` are called at the source."""
    rows = connection.execute(
        _STATEMENTS["type_names"], {"oids": sorted({column.oid for column in columns})}
    ).fetchall()
    return {int(oid): str(name) for oid, name in rows}


def _check_columns(names: Sequence[str], key: Sequence[str], place: Place) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    missing = [name for name in key if name not in names]
    if not names:
        raise faults.refused_query(place, "it returns no columns")
    if twice:
        raise faults.refused_query(place, f"it returns two columns named {twice[0]!r}; give one an alias")
    if not key:
        raise faults.refused_query(place, "it has no key, so the order of rows is not fixed")
    if missing:
        raise faults.refused_query(place, f"its key names {missing[0]!r}, which it does not return")


def _check_value(name: str, value: object, place: Place) -> None:
    values: Sequence[object] = value if isinstance(value, list | tuple) else (value,)
    for item in values:
        if item is not None and not isinstance(item, _SCALARS):
            raise faults.refused_query(place, f"parameter {name!r} is a {type(item).__name__}, which can't be bound")
        if isinstance(item, str) and ("\0" in item or not _is_unicode(item)):
            raise SourceRefused(f"Parameter {name!r} holds a character that no database text can hold; remove it.")


def _is_unicode(text: str) -> bool:
    # Half a surrogate pair, as JSON may carry it.
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
