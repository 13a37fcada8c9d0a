"""
Load the example activity database, which stands for the system of a customer.

One call makes the database, its rows, a read-only login per organisation that sees only its own rows, and the
attachments beside it.  Calling it again with the same seed and size changes nothing.  Lading itself never writes there.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from lading.db.statements import Statements
from lading.example import attachments, generate
from lading.example.organisations import ORGANISATIONS, Organisation

DATABASE: Final = "example_activities"
ROWS: Final = 54_500
SEED: Final = 2025
# Raise it when the generator or the schema changes: what was loaded before is made anew.
_VERSION: Final = 1
_STATEMENTS: Final = Statements(__package__ or "lading.example")
_CHUNK_ROWS: Final = 2000
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded: per organisation the file with its login's URL, and the directory of its attachments."""

    credentials: Mapping[str, Path]
    attachments: Mapping[str, Path]
    rows: int
    is_fresh: bool


def load(
    admin_url: str,
    attachments_dir: Path,
    *,
    credentials_dir: Path,
    rows: int = ROWS,
    seed: int = SEED,
    database: str = DATABASE,
) -> Loaded:
    """
    Make sure that the example of `rows` activities from `seed` is there, and that its logins work.

    `admin_url` belongs to a role that may create databases and roles.  Credential files are private to this user.
    """
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(_STATEMENTS["lock"], {"name": database})
        if not _value(admin, "has_database", name=database):
            admin.execute(_script("database.sql", name=Identifier(database)))
        with psycopg.connect(make_conninfo(admin_url, dbname=database)) as connection:
            is_fresh = not _is_loaded(connection, seed, rows)
            if is_fresh:
                _fill(connection, seed, rows)
            connection.commit()
            credentials = _logins(connection, credentials_dir, admin_url, is_fresh=is_fresh)
    _write_attachments(attachments_dir, seed, rows)
    folders = {one.slug: attachments_dir / one.slug for one in ORGANISATIONS}
    return Loaded(credentials, folders, rows, is_fresh)


def parts(rows: int) -> Iterator[tuple[Organisation, int, int]]:
    """Yield each organisation with its number of activities and the id of the first."""
    first, left = 1, rows
    for organisation in ORGANISATIONS:
        count = left if organisation is ORGANISATIONS[-1] else rows * organisation.share // 100
        yield organisation, count, first
        first, left = first + count, left - count


def _is_loaded(connection: psycopg.Connection[Any], seed: int, rows: int) -> bool:
    if not _value(connection, "is_loaded"):
        return False
    return connection.execute(_STATEMENTS["find_generation"]).fetchone() == (seed, rows, _VERSION)


def _fill(connection: psycopg.Connection[Any], seed: int, rows: int) -> None:
    """Fill the database in the one transaction of `connection`: a load that is cut off leaves what was there."""
    if _value(connection, "is_loaded"):
        connection.execute(_script("reset.sql"))
    connection.execute(_script("schema.sql"))
    for organisation in ORGANISATIONS:
        _put_organisation(connection, organisation, seed)
    with connection.cursor() as cursor:
        with cursor.copy(_STATEMENTS["copy_activities"]) as copy:
            for organisation, count, first in parts(rows):
                for chunk in _chunks(generate.activities(organisation, seed, rows=count, first_id=first)):
                    copy.write(chunk)
        with cursor.copy(_STATEMENTS["copy_attachments"]) as copy:
            for organisation, count, first in parts(rows):
                for one in attachments.attachments(organisation, seed, rows=count, first_id=first):
                    copy.write_row(
                        (one.id, organisation.id, one.activity_id, one.path, one.file_name, one.media_type, one.size)
                    )
    connection.execute(_script("finish.sql"))
    connection.execute(_STATEMENTS["put_generation"], {"seed": seed, "rows": rows, "version": _VERSION})


def _put_organisation(connection: psycopg.Connection[Any], organisation: Organisation, seed: int) -> None:
    one = {"id": organisation.id, "slug": organisation.slug, "name": organisation.name, "number": organisation.number}
    connection.execute(_STATEMENTS["put_organisation"], one)
    with connection.cursor() as cursor:
        cursor.executemany(
            _STATEMENTS["put_chapter"],
            [
                {
                    "id": chapter.id,
                    "organisation_id": organisation.id,
                    "parent": chapter.parent,
                    "code": chapter.code,
                    "name": chapter.name,
                    "level": chapter.level,
                }
                for chapter in organisation.chapters
            ],
        )
        cursor.executemany(
            _STATEMENTS["put_mentor"],
            [
                {
                    "id": mentor.id,
                    "organisation_id": organisation.id,
                    "chapter_id": mentor.chapter.id,
                    "full_name": mentor.name,
                }
                for mentor in generate.mentors(organisation, seed)
            ],
        )


def _logins(connection: psycopg.Connection[Any], folder: Path, admin_url: str, *, is_fresh: bool) -> dict[str, Path]:
    """Return the file with the URL of each organisation's reader, made anew unless it still lets in."""
    found: dict[str, Path] = {}
    for organisation in ORGANISATIONS:
        path = found[organisation.slug] = folder / organisation.slug
        if is_fresh or not path.is_file() or not _lets_in(path.read_text("utf-8")):
            _make_login(connection, organisation, path, admin_url)
    return found


def _make_login(connection: psycopg.Connection[Any], organisation: Organisation, path: Path, admin_url: str) -> None:
    database = connection.info.dbname
    role = f"reader_{organisation.slug}" + ("" if database == DATABASE else f"_{database}")
    password = secrets.token_urlsafe(24)
    # The server is given the verifier only, so that no log of its statements can hold the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    script = _script(
        "reader.sql",
        role=Identifier(role),
        password=Literal(verifier.decode()),
        organisation=Literal(organisation.id),
    )
    connection.execute(script)
    connection.commit()
    with _private(path) as write:
        write(_url(admin_url, role, password, database))


def _lets_in(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _url(admin_url: str, role: str, password: str, database: str) -> str:
    parts = conninfo_to_dict(admin_url)
    kept = {name: str(parts[name]) for name in ("host", "port", "sslmode", "sslrootcert") if parts.get(name)}
    return f"postgresql://{quote(role)}:{quote(password)}@/{quote(database)}?{urlencode(kept)}"


@contextmanager
def _private(path: Path) -> Iterator[Any]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.new")
    staged.unlink(missing_ok=True)
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        yield file.write
    staged.replace(path)


def _write_attachments(directory: Path, seed: int, rows: int) -> None:
    mark = directory / "complete"
    wanted = f"{seed} {rows} {_VERSION}"
    if mark.is_file() and mark.read_text("utf-8") == wanted:
        return
    for organisation, count, first in parts(rows):
        folder = directory / organisation.slug
        if mark.is_file():  # another load's files: some of them are missing in this one
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        for one in attachments.attachments(organisation, seed, rows=count, first_id=first):
            attachments.write(one, folder)
    mark.write_text(wanted, "utf-8")


def _chunks(rows: Iterator[generate.Row]) -> Iterator[str]:
    """Yield the lines of COPY's text format for `rows`."""
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield "".join("\t".join(map(_field, row)) + "\n" for row in chunk)


def _field(value: object) -> str:
    match value:
        case None:
            return "\\N"
        case str():
            return value.translate(_ESCAPES) if "\n" in value or "\t" in value or "\\" in value else value
        case _:
            return str(value)


def _value(connection: psycopg.Connection[Any], statement: str, **parameters: object) -> bool:
    row = connection.execute(_STATEMENTS[statement], parameters).fetchone()
    assert row is not None
    return bool(row[0])


def _script(file: str, **values: Composable) -> Composed:
    text = (files("lading.example") / file).read_text("utf-8")
    return SQL(text).format(**values)  # pyright: ignore[reportArgumentType]  # a file of this package, not a literal
