"""What the programs of other exporters share: their arguments, and rows by a server-side cursor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import psycopg

_FETCHED = 5000


def given() -> tuple[str, str, str]:
    """Return the URL of the database, the query and the path of the file to be made."""
    url, query, target = sys.argv[1:4]
    return url, query, target


def rows(url: str, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield the names of the columns, then each row, without holding them all."""
    with psycopg.connect(url) as connection, connection.cursor(name="bench") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(query)
        assert cursor.description is not None
        yield tuple(column.name for column in cursor.description)
        yield from cursor
