"""Every `.sql` file is valid against the migrated schema, and some role of ours may run it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.sql import SQL, Identifier

import lading
from lading.db.embedded import EmbeddedServer
from lading.db.transaction import Role

_ROOT = Path(lading.__file__).parent
# The example speaks to a database of its own, which stands for a customer's; its tests run its statements there.
_FILES = [path for path in sorted(_ROOT.rglob("queries/*.sql")) if "example" not in path.parts]
_PARAMETER = re.compile(r"(?<!%)%\((\w+)\)s")


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix()


def _numbered(text: str) -> str:
    """Return the statement as PostgreSQL reads it: `$1` for the first name, and so on."""
    names: dict[str, int] = {}
    return _PARAMETER.sub(lambda match: f"${names.setdefault(match[1], len(names) + 1)}", text).replace("%%", "%")


@pytest.fixture(scope="module")
def connection(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url("lading"), autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module", params=_FILES, ids=_name)
def statement(request: pytest.FixtureRequest) -> str:
    return _numbered(request.param.read_text("utf-8"))


def test_a_statement_can_be_prepared_and_its_columns_have_names_of_their_own(
    connection: psycopg.Connection, statement: str
) -> None:
    prepared = connection.pgconn.prepare(b"", statement.encode())
    assert prepared.status == ExecStatus.COMMAND_OK, prepared.error_message.decode()

    described = connection.pgconn.describe_prepared(b"")

    columns = [described.fname(number) for number in range(described.nfields)]
    columns = [name for name in columns if name != b"set_config"]  # called for its effect; nobody reads it
    assert len(columns) == len(set(columns)), columns


def test_a_role_of_ours_may_run_the_statement(connection: psycopg.Connection, statement: str) -> None:
    refused: list[str] = []
    for role in Role:
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(role.value)))
                # The generic plan checks permissions without parameters and without running anything.
                connection.execute(b"EXPLAIN (GENERIC_PLAN) " + statement.encode())
        except errors.InsufficientPrivilege as error:
            refused.append(f"{role}: {error.diag.message_primary}")

    assert len(refused) < len(Role), refused
