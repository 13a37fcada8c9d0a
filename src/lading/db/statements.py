"""
SQL by name: one statement per `.sql` file beside its store.

`Statements(__package__)["claim"]` is the text of `queries/claim.sql`, read once.  Parameters are `%(name)s`.
The tests prepare every file against the migrated schema.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import psycopg.sql


class Statements:
    """The statements of one capability."""

    def __init__(self, package: str) -> None:
        self._package: Final = package

    def __getitem__(self, name: str) -> psycopg.sql.SQL:
        """Return the statement in `queries/<name>.sql`."""
        return _load(self._package, name)


@cache
def _load(package: str, name: str) -> psycopg.sql.SQL:
    text = (files(package) / "queries" / f"{name}.sql").read_text("utf-8")
    return psycopg.sql.SQL(text)  # pyright: ignore[reportArgumentType]  # a file of this package, not a literal
