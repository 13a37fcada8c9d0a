"""What a replay of the ledger says of a test's database, beside what its tables say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from lading import ids
from lading_verify.fold import Fold

_LINES = """
SELECT line FROM (
    SELECT 0 AS part, index AS place, line FROM ledger_entries WHERE tenant_id = %(tenant)s
    UNION ALL
    SELECT 1 AS part, id AS place, line FROM ledger_pending WHERE tenant_id = %(tenant)s
) AS told ORDER BY part, place
"""
_JOBS = """
SELECT id, kind, subject, state, rev, attempt, cancel_requested_at IS NOT NULL AND state = 'blocked' AS is_held
FROM jobs WHERE tenant_id = %(tenant)s
UNION ALL
(SELECT DISTINCT ON (id) id, kind, subject, state, rev, attempt, false FROM finished_jobs AS ended
 WHERE tenant_id = %(tenant)s AND NOT EXISTS (
     SELECT FROM jobs WHERE jobs.tenant_id = ended.tenant_id AND jobs.id = ended.id
 ) ORDER BY id, finished_at DESC)
"""
_EXPORTS = "SELECT id, status AS state, rev, job_id FROM exports WHERE tenant_id = %(tenant)s"
_RUNS = "SELECT id, state, rev FROM runs WHERE tenant_id = %(tenant)s"


def lines_of(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> list[bytes]:
    """Return the tenant's entries, those in the tree and those that wait for it, in order."""
    return [row["line"] for row in connection.execute(_LINES, {"tenant": tenant}).fetchall()]


def mismatches(database_url: str) -> list[str]:
    """Return where a replay of each tenant's ledger is at fault, or differs from the tables."""
    found: list[str] = []
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        for tenant in connection.execute("SELECT tenant_id FROM tenants").fetchall():
            fold = Fold()
            for index, line in enumerate(lines_of(connection, tenant["tenant_id"])):
                fold.add(index, line)
            found += [f"{fault.index} {fault.subject}: {fault.why}" for fault in fold.faults]
            told = {line["id"]: line for line in map(json.loads, fold.jobs())}
            found += _compared(told, _stored(connection, tenant["tenant_id"]))
    return found


def _stored(connection: psycopg.Connection[dict[str, Any]], tenant: UUID) -> dict[str, dict[str, Any]]:
    asked = {"tenant": tenant}
    stored: dict[str, dict[str, Any]] = {}
    for row in connection.execute(_JOBS, asked).fetchall():
        wanted = {"kind": row["kind"], "state": row["state"], "rev": row["rev"], "attempt": row["attempt"]}
        if row["is_held"]:  # by a run that was stopped; the ledger tells of it when the job is cancelled
            del wanted["state"]
        stored[ids.show(ids.JOB, row["id"])] = wanted
    for row in connection.execute(_EXPORTS, asked).fetchall():
        job = ids.show(ids.JOB, row["job_id"])
        stored[ids.show(ids.EXPORT, row["id"])] = {"state": row["state"], "rev": row["rev"], "job": job}
    for row in connection.execute(_RUNS, asked).fetchall():
        stored[ids.show(ids.RUN, row["id"])] = {"state": row["state"], "rev": row["rev"]}
    return stored


def _compared(told: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    found = [f"{each} is in the tables and not in the ledger" for each in stored.keys() - told.keys()]
    for name, facts in stored.items():
        if name in told:
            differs = {key: (value, told[name][key]) for key, value in facts.items() if told[name][key] != value}
            found += [f"{name}: stored and told {differs}"] if differs else []
    return found
