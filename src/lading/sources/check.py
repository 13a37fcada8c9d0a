"""
A trial of a source: can it be reached, does it let us in, is it read-only, is it fast.

Every finding is a sentence with its mend; the first that fails ends the trial, because the later ones need it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from lading.db.statements import Statements
from lading.errors import SourceError
from lading.sources import credentials, faults
from lading.sources.model import Check, Source
from lading.sources.postgresql import PostgresSource
from lading.sources.prefetch import Overdue, call

_STATEMENTS: Final = Statements(__package__ or "lading.sources")


def test(source: Source) -> list[Check]:
    """Return what was found when `source` was tried; never raises for what the source does."""
    found: list[Check] = []
    try:
        url = credentials.resolve(source.credentials_ref)
        found.append(Check("credentials", is_ok=True, detail="The credentials can be read."))
        _connect(PostgresSource(url, timeout_seconds=source.timeout_seconds), found)
    except SourceError as error:
        found.append(Check("credentials" if not found else "connection", is_ok=False, detail=error.message))
    if source.attachments_ref is not None:
        found.append(_attachments(Path(source.attachments_ref.removeprefix("file:"))))
    return found


def _connect(source: PostgresSource, found: list[Check]) -> None:
    place = source.place
    begun = time.monotonic()
    with source.connect() as connection:
        try:
            row = call(lambda: _permissions(connection), seconds=min(10.0, place.seconds))
        except Overdue:
            raise faults.slow(place) from None
        except psycopg.Error as error:
            raise faults.from_query(error, place) from None
    milliseconds = round((time.monotonic() - begun) * 1000)
    found.append(
        Check("connection", is_ok=True, detail=f"{place.where} answered {place.login!r} in {milliseconds} ms.")
    )
    if row["is_superuser"] or row["may_write"]:
        mend = f"{place.login!r} may change data there. Lading only reads, but give it a login that can only read."
        found.append(Check("read_only", is_ok=False, detail=mend))
    else:
        found.append(Check("read_only", is_ok=True, detail=f"{place.login!r} can only read."))


def _permissions(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_STATEMENTS["permissions"]).fetchone()
    assert row is not None
    return row


def _attachments(folder: Path) -> Check:
    if not folder.is_dir():
        return Check(
            "attachments", is_ok=False, detail=f"{folder} is not a directory here; correct the attachments reference."
        )
    return Check("attachments", is_ok=True, detail=f"Attachments are read from {folder}.")
