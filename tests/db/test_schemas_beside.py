"""
Code of schema N-1 works on schema N where its file says so: what that code asks for is there, for who asks for it.

`-- beside: NNNN` is a promise that nobody can test with code that is gone.  What can be held to it: nothing that schema
NNNN had is missing or narrower in the next one, and every statement of today that schema NNNN already took is taken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

import lading
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import Migration, known, migrate
from lading.db.transaction import Role

pytestmark = pytest.mark.anyio
_ROOT = Path(lading.__file__).parent
_FILES = [path for path in sorted(_ROOT.rglob("queries/*.sql")) if "example" not in path.parts]
_PARAMETER = re.compile(r"(?<!%)%\((\w+)\)s")
BESIDE = [each for each in known() if each.beside is not None]
# What old code can meet: each query gives names of things that must not go, and what of them must not change.
THINGS = {
    "columns": (
        "SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) "
        "FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')"
    ),
    "functions": (
        "SELECT oid::regprocedure::text, prorettype::regtype::text FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace"
    ),
    "rights on columns": (
        "SELECT concat_ws(' ', grantee, privilege_type, table_name, column_name), '' "
        "FROM information_schema.column_privileges WHERE table_schema = 'public' AND grantee LIKE 'lading\\_%'"
    ),
    "rights on tables": (
        "SELECT concat_ws(' ', grantee, privilege_type, table_name), '' "
        "FROM information_schema.table_privileges WHERE table_schema = 'public' AND grantee LIKE 'lading\\_%'"
    ),
    "policies": (
        "SELECT tablename || ' ' || policyname, concat_ws(' ', roles::text, cmd, qual, with_check) FROM pg_policies"
    ),
}
# What old code must not meet: a value that it does not know to give, or a rule that it has not heard of.
DEMANDS = {
    "columns without a default": (
        "SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 "
        "AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''"
    ),
    "unique indexes": (
        "SELECT tablename || ' ' || indexname FROM pg_indexes "
        "WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"
    ),
    "triggers": ("SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0"),
}
# Rules that were looked at: they refuse only what no code before them does (a tree shrinks, an entry is deleted).
LOOKED_AT = {
    "ledger_entries ledger_entries_pruned",
    "ledger_trees ledger_trees_grow",
    "ledger_trees ledger_trees_kept",
    "ledger_trees ledger_trees_stay",
}


@contextmanager
def emptied(server: EmbeddedServer) -> Iterator[str]:
    name = f"beside_{os.getpid()}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)))
        try:
            yield server.url(name)
        finally:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def numbered(text: str) -> str:
    names: dict[str, int] = {}
    return _PARAMETER.sub(lambda match: f"${names.setdefault(match[1], len(names) + 1)}", text).replace("%%", "%")


def taken(connection: psycopg.Connection[Any]) -> set[tuple[str, str]]:
    """Return the statements that are valid, each with the roles that may run it."""
    found: set[tuple[str, str]] = set()
    for path in _FILES:
        statement = numbered(path.read_text("utf-8"))
        for role in Role:
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(role.value)))
                    connection.execute(b"EXPLAIN (GENERIC_PLAN) " + statement.encode())
            except psycopg.errors.Error:
                continue
            found.add((path.relative_to(_ROOT).as_posix(), role.value))
    return found


def rows(connection: psycopg.Connection[Any], query: str) -> Sequence[tuple[Any, ...]]:
    return connection.execute(query.encode()).fetchall()


@pytest.mark.parametrize("migration", BESIDE, ids=lambda each: each.name)
async def test_code_of_the_schema_before_finds_all_that_it_asks_for(
    server: EmbeddedServer, migration: Migration
) -> None:
    older = [each for each in known() if each.version <= (migration.beside or 0)]
    newer = [each for each in known() if each.version <= migration.version]
    with emptied(server) as url:
        await migrate(url, files_known=older)
        with psycopg.connect(url, autocommit=True) as connection:
            things = {name: dict(rows(connection, query)) for name, query in THINGS.items()}
            demands = {name: {row[0] for row in rows(connection, query)} for name, query in DEMANDS.items()}
            tables = {row[0].partition(".")[0] for row in rows(connection, THINGS["columns"])}
            valid = taken(connection)
        await migrate(url, files_known=newer)
        with psycopg.connect(url, autocommit=True) as connection:
            for name, query in THINGS.items():
                stands = dict(rows(connection, query))
                assert {each: stands.get(each) for each in things[name]} == things[name], name
            for name, query in DEMANDS.items():
                more = {row[0] for row in rows(connection, query)} - demands[name] - LOOKED_AT
                assert not {each for each in more if re.split(r"[. ]", each)[0] in tables}, name
            assert valid - taken(connection) == set()

    assert len(valid) > 200


def test_there_is_a_schema_to_hold_to_its_promise() -> None:
    assert BESIDE
