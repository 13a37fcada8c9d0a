"""The database keeps tenants apart, even from code that forgets to: read from its own catalog."""  # A6

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors
from psycopg.sql import SQL, Identifier

from lading.db.embedded import EmbeddedServer
from lading.db.transaction import Role

# What belongs to no tenant: one row per worker process, the record of migrations, and the log over all tenants, of
# which they may see hashes and heads.
_WITHOUT_TENANT = {
    "leases",
    "schema_migrations",
    "instance_log",
    "instance_epochs",
    "instance_leaves",
    "instance_tiles",
    "instance_heads",
    "instance_time_stamps",
    "signing_key_statements",
}
# The outbox is read in the order of its ids, by the integrator, over all tenants; nobody looks a row up in it.
_KEYED_OTHERWISE = {"ledger_pending"}
# Who may look across tenants, and where.  A new line here is a decision.
_CROSS_TENANT = {
    Role.SYSTEM: {
        "tenants",
        "api_keys",
        "identity_providers",
        "members",
        "jobs",
        "finished_jobs",
        "attempts",
        "ledger_pending",
        "turns",
        "lanes",
        "buckets",
        "quotas",
        "breakers",
        "pauses",
        "dead_letters",
        "objects",
        "artifacts",
        "runs",
        "run_nodes",
        "run_edges",
        "allocations",
        "refusals",
        "retry_budgets",
        "retry_policies",
        "schedules",
        "schedule_slots",
        "webhook_messages",
        "login_refusals",
        "disclosures",
        "placements",
    },
    Role.LEDGER: {
        "tenants",
        "ledger_pending",
        "ledger_trees",
        "ledger_entries",
        "signed_heads",
        "webhooks",
        "ledger_tiles",
        "ledger_epochs",
        "logged_heads",
        "ledger_checks",
        "holds",
        "exports",
        "disclosures",
        "signing_key_logs",
        "signing_key_sizes",
    },
}


@pytest.fixture(scope="module")
def connection(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url("lading"), autocommit=True) as opened:
        yield opened


def _names(connection: psycopg.Connection, query: str) -> set[str]:
    return {name for (name,) in connection.execute(query.encode())}


def _tables(connection: psycopg.Connection) -> set[str]:
    return _names(connection, "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') "
                              "AND relnamespace = 'public'::regnamespace")  # fmt: skip


def test_every_table_belongs_to_a_tenant_or_is_on_the_list(connection: psycopg.Connection) -> None:
    owned = _names(connection, "SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class ON oid = attrelid "
                               "WHERE attname = 'tenant_id' AND relkind IN ('r', 'p') AND attnotnull "
                               "AND relnamespace = 'public'::regnamespace")  # fmt: skip

    assert _tables(connection) - owned == _WITHOUT_TENANT


def test_row_level_security_is_enabled_and_forced_on_every_tenant_table(connection: psycopg.Connection) -> None:
    secured = _names(connection, "SELECT oid::regclass::text FROM pg_class "
                                 "WHERE relrowsecurity AND relforcerowsecurity")  # fmt: skip

    assert _tables(connection) - secured == _WITHOUT_TENANT


def test_the_application_sees_rows_of_the_current_tenant_only(connection: psycopg.Connection) -> None:
    policies = connection.execute(
        "SELECT tablename, qual, with_check FROM pg_policies WHERE 'lading_app' = ANY (roles)"
    ).fetchall()
    rule = "(tenant_id = ( SELECT current_tenant() AS current_tenant))"

    assert {table for table, _, _ in policies} == _tables(connection) - _WITHOUT_TENANT
    assert {(using, check) for _, using, check in policies} == {(rule, rule)}


@pytest.mark.parametrize("role", _CROSS_TENANT)
def test_a_role_crosses_tenants_only_where_it_is_listed(connection: psycopg.Connection, role: Role) -> None:
    open_to = _names(connection, f"SELECT tablename::text FROM pg_policies WHERE '{role}' = ANY (roles)")

    assert open_to == _CROSS_TENANT[role]


def test_no_policy_is_for_everybody(connection: psycopg.Connection) -> None:
    assert _names(connection, "SELECT policyname::text FROM pg_policies WHERE 'public' = ANY (roles)") == set()


def test_the_key_of_every_tenant_table_begins_with_its_tenant(connection: psycopg.Connection) -> None:
    keyed = _names(connection, "SELECT indrelid::regclass::text FROM pg_index JOIN pg_attribute "
                               "ON attrelid = indrelid AND attnum = indkey[0] "
                               "WHERE indisprimary AND attname = 'tenant_id'")  # fmt: skip

    assert _tables(connection) - keyed == _WITHOUT_TENANT | _KEYED_OTHERWISE


def test_no_role_of_ours_can_step_around_row_level_security(connection: psycopg.Connection) -> None:
    strong = _names(connection, "SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'lading\\_%' "
                                "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin)")  # fmt: skip

    assert strong == set()


def test_the_application_without_a_tenant_sees_nothing(connection: psycopg.Connection) -> None:
    seen: dict[str, int] = {}
    for table in _tables(connection) - _WITHOUT_TENANT:
        with contextlib.suppress(errors.InsufficientPrivilege), connection.transaction(force_rollback=True):
            connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(Role.APP.value)))
            row = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone()
            assert row is not None
            seen[table] = row[0]

    assert "tenants" in seen  # the instance's own row is there, and is not seen
    assert set(seen.values()) == {0}


@pytest.mark.parametrize(
    "table", ["ledger_entries", "signed_heads", "profile_revisions", "policy_revisions", "ledger_pending"]
)
def test_append_only_tables_refuse_truncation_by_their_owner(connection: psycopg.Connection, table: str) -> None:
    # A1, P5
    with pytest.raises(errors.InsufficientPrivilege, match="append-only"), connection.transaction():
        connection.execute(SQL("TRUNCATE {} CASCADE").format(Identifier(table)))
