"""
What became of the jobs of a run, read from the database when it is over.

A job is lost when it has not completed.  It is doubled when its effect was published twice, when it ended twice, when
the ledger tells of two completions, or when the effect was not that of the attempt that completed it.
A state differs when a replay of the ledger does not give it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.chaos.crowd import Crowd, Fault
from tests.folding import mismatches

SCHEMA = (
    "CREATE TABLE effects (job_id uuid, attempt integer)",
    "GRANT INSERT ON effects TO lading_app",
)
COMPLETED = "SELECT count(DISTINCT id) FROM finished_jobs WHERE state = 'completed'"
ENDED = "SELECT count(*) FROM finished_jobs"
BUSY = "SELECT DISTINCT worker FROM jobs JOIN leases ON leases.id = jobs.lease_id WHERE jobs.started_at IS NOT NULL"
ATTEMPTS = "SELECT coalesce(sum(attempt), 0) FROM finished_jobs"
ATTEMPTS_LOST = "SELECT count(*) FROM attempts WHERE outcome = 'lost'"
EFFECT_DOUBLED = "SELECT job_id FROM effects GROUP BY job_id HAVING count(*) > 1"
ENDED_TWICE = "SELECT id FROM finished_jobs GROUP BY id HAVING count(*) > 1"
EFFECT_OF_ANOTHER_ATTEMPT = (
    "SELECT job_id FROM effects JOIN finished_jobs AS job ON job.id = job_id WHERE job.attempt <> effects.attempt"
)
NO_EFFECT = (
    "SELECT id FROM finished_jobs "
    "WHERE kind = 'heavy' AND state = 'completed' AND id NOT IN (SELECT job_id FROM effects)"
)
TOLD = (
    "SELECT subject, type, line FROM ledger_entries WHERE type IN ('job.completed', 'jobs.completed') UNION ALL "
    "SELECT subject, type, line FROM ledger_pending WHERE type IN ('job.completed', 'jobs.completed')"
)
# When an attempt that was lost or given back ended, on which worker, and when the next one at its job began.
TAKEN_BACK = (
    "SELECT lost.worker, extract(epoch FROM lost.ended_at)::float8 AS ended, "
    "extract(epoch FROM coalesce(later.started_at, job.started_at))::float8 AS again "
    "FROM attempts AS lost "
    "LEFT JOIN attempts AS later ON later.job_id = lost.job_id AND later.attempt = lost.attempt + 1 "
    "LEFT JOIN finished_jobs AS job ON job.id = lost.job_id AND job.attempt = lost.attempt + 1 "
    "WHERE lost.outcome = 'lost'"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of one run."""

    jobs: int
    attempts: int
    attempts_lost: int
    lost: int
    doubled: int
    noticed: Sequence[float]
    begun_again: Sequence[float]
    differs: Sequence[str]

    @property
    def line(self) -> str:
        """Return what is printed of it."""
        return (
            f"{self.attempts} attempts, {self.attempts_lost} lost, taken back after {_quantiles(self.noticed)} "
            f"and begun again, in their turn, after {_quantiles(self.begun_again)}; "
            f"{self.lost} jobs lost, {self.doubled} double effects, "
            f"{len(self.differs)} states that a replay of the ledger does not give"
        )


def _quantiles(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99))
    return f"{p50:.1f} s (p50) {p99:.1f} s (p99)"


def prepare(url: str) -> None:
    """Make the table of effects."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in SCHEMA:
            connection.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]


def rows(url: str, query: str) -> list[dict[str, Any]]:
    """Return what the query finds."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


def count(url: str, query: str) -> int:
    """Return the one number that the query finds."""
    (row,) = rows(url, query)
    return int(next(iter(row.values())))


def busy(url: str) -> set[int]:
    """Return the processes of the workers that have a job in hand."""
    return {int(row["worker"].rpartition(":")[2]) for row in rows(url, BUSY)}


def judge(url: str, jobs: int, crowd: Crowd) -> Verdict:
    """Return the verdict on a run of `jobs` jobs."""
    doubled = {row["job_id"] for query in (EFFECT_DOUBLED, EFFECT_OF_ANOTHER_ATTEMPT) for row in rows(url, query)}
    doubled |= {row["id"] for row in rows(url, ENDED_TWICE)}
    told = completions(url)
    noticed, begun_again = _reclaims(url, crowd.faults)
    return Verdict(
        jobs=jobs,
        attempts=count(url, ATTEMPTS),
        attempts_lost=count(url, ATTEMPTS_LOST),
        lost=jobs - count(url, COMPLETED) + len(rows(url, NO_EFFECT)) + max(0, jobs - len(told)),
        doubled=len(doubled) + sum(1 for times in told.values() if times > 1),
        noticed=noticed,
        begun_again=begun_again,
        differs=mismatches(url),
    )


def completions(url: str) -> Counter[str]:
    """Return how often the ledger tells of the completion of each job."""
    told: Counter[str] = Counter()
    for row in rows(url, TOLD):
        if row["type"] == "job.completed":
            told[row["subject"]] += 1
        else:
            told.update(job.partition(":")[0] for job in json.loads(bytes(row["line"]))["data"]["jobs"])
    return told


def _reclaims(url: str, faults: Sequence[Fault]) -> tuple[list[float], list[float]]:
    """Return the seconds from the fault that cost an attempt to the rescue of its job, and to its next attempt."""
    noticed, begun_again = list[float](), list[float]()
    for row in rows(url, TAKEN_BACK):
        worker = int(row["worker"].rpartition(":")[2] or 0)
        before = [f.at for f in faults if f.worker in {worker, 0} and f.at <= row["ended"]]
        if before:
            noticed.append(row["ended"] - max(before))
        if before and row["again"] is not None:
            begun_again.append(row["again"] - max(before))
    return noticed, begun_again
