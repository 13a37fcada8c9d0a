"""The state machine finds every bug that is put into the engine's SQL: its silence means something."""

# ruff: noqa: E501 - a seeded bug is read as one line

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from psycopg.sql import SQL

from lading.db import statements
from lading.db.embedded import EmbeddedServer
from tests.conftest import fresh_database
from tests.machine import JobsMachine

pytestmark = pytest.mark.timeout(300)

QUERIES = Path(statements.__file__).parents[1] / "jobs" / "queries"

# A wrong answer, a constraint of the schema that holds, or an outcome that can't be; a mere slip in the mutant's SQL is
# an error of this test.
FOUND = (AssertionError, psycopg.errors.IntegrityError, LookupError)

# What is said of each is the promise that it breaks.
BUGS = {
    "a stale lease may write": ("guard", "AND lease_id IS NOT DISTINCT FROM %(lease_id)s::uuid", "AND true"),
    "a stale attempt may write": ("guard", "AND attempt = %(attempt)s::integer", "AND true"),
    "a stale lease may start": ("start", "AND lease_id = %(lease_id)s::uuid", "AND lease_id IS NOT NULL"),
    "a job is started twice": ("start", "AND started_at IS NULL", "AND true"),
    "attempts do not grow": ("start", "attempt = attempt + 1", "attempt = greatest(attempt, 1)"),
    "a scheduled job is claimed": ("claim", "AND jobs.state = 'pending'\n          AND NOT", "AND jobs.state <> 'running'\n          AND NOT"),
    "a running job is claimed": ("claim", "AND jobs.state = 'pending'\n          AND NOT", "AND jobs.state IN ('pending', 'running')\n          AND NOT"),
    "a pause is not obeyed": ("claim", "WHEN is_paused THEN 'pause'", "WHEN false THEN 'pause'"),
    "a quota is not obeyed": ("claim", "place <= least(coalesce(slots, place)", "place <= least(coalesce(NULL, place)"),
    "a quota counts what waits": ("claim", "AND jobs.kind = lanes.kind AND jobs.state = 'running'", "AND jobs.kind = lanes.kind"),
    "a worker without a lease claims": ("take_turns", "leases.state = 'active' AND leases.lease_until > lading_now()", "true"),
    "a lease that ran out claims": ("take_turns", "AND leases.lease_until > lading_now()", "AND true"),
    "a lease that ran out is renewed": ("renew_lease", "AND lease_until > lading_now()", "AND true"),
    "a live lease is expired": ("expire_leases", "lease_until <= lading_now()", "lease_until <= lading_now() + interval '25 seconds'"),
    "a lease never expires": ("expire_leases", "lease_until <= lading_now()", "false"),
    "orphans are not found": ("orphans", "jobs.state = 'running'", "jobs.state = 'pending'"),
    "jobs of live leases are orphans": ("orphans", "AND leases.state = 'active'", "AND leases.state = 'expired'"),
    "a job put back keeps its lease": ("put_back", "state = CASE WHEN %(seconds)s::float8 > 0 THEN 'scheduled' ELSE 'pending' END", "state = 'pending'"),
    "failures are not counted": ("put_back", "failures = failures + %(failures)s::integer", "failures = failures"),
    "crashes are not counted": ("put_back", "crashes = crashes + %(crashes)s::integer", "crashes = crashes"),
    "a retry does not wait": ("put_back", "due_at = lading_now() + make_interval(secs => %(seconds)s::float8)", "due_at = lading_now()"),
    "promotion comes too early": ("promote", "due_at <= lading_now()", "due_at <= lading_now() + interval '10 seconds'"),
    "promotion never comes": ("promote", "due_at <= lading_now()", "due_at <= lading_now() - interval '1 day'"),
    "an ended job stays live": ("finish", "DELETE FROM jobs", "UPDATE jobs SET rev = rev"),
    "an outcome is not recorded": ("end_attempt", "outcome = %(outcome)s::text", "outcome = 'lost'"),
    "a cancel reaches no holder": ("request_cancel", "AND state = 'running'", "AND state = 'blocked'"),
    "a job due later is pending at once": ("enqueue", "WHEN due.at > lading_now() THEN 'scheduled'", "WHEN false THEN 'scheduled'"),
    "a failure is not recorded": ("finish", "failures + %(failures)s::integer", "failures + 7"),
    "what ended is forgotten": ("finish", "FROM ended", "FROM ended WHERE false"),
    "a paused kind holds back all": ("claim", "pauses.target = lanes.kind)\n                      OR (pauses.scope = 'source'", "pauses.target <> lanes.kind)\n                      OR (pauses.scope = 'source'"),
    "a job of another kind is claimed": ("claim", "WHERE lanes.kind = ANY(%(kinds)s::text[])", "WHERE lanes.kind <> ALL(%(kinds)s::text[])"),
    "a retry comes back with its lease": ("put_back", "lease_id = NULL,", "lease_id = lease_id,"),
    "a retry counts as started": ("put_back", "started_at = NULL,", "started_at = lading_now(),"),
    "a new job is lost": ("enqueue", "ON CONFLICT DO NOTHING", "LIMIT 0"),
}  # fmt: skip


@pytest.fixture
def seeded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    name, old, new = BUGS[request.param]
    text = (QUERIES / f"{name}.sql").read_text("utf-8")
    assert text.count(old) >= 1, f"{name}.sql has changed: {old!r} is not in it"
    original = statements._load

    def load(package: str, wanted: str) -> object:
        is_mutant = package == "lading.jobs" and wanted == name
        return SQL(text.replace(old, new)) if is_mutant else original(package, wanted)

    monkeypatch.setattr(statements, "_load", load)


@pytest.mark.parametrize("seeded", sorted(BUGS), indirect=True)
@pytest.mark.usefixtures("seeded")
def test_the_machine_finds(server: EmbeddedServer) -> None:
    with fresh_database(server) as url:
        machine = type("Mutant", (JobsMachine,), {"url": url})
        with pytest.raises(FOUND):
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=250,
                    stateful_step_count=40,
                    deadline=None,
                    phases=[Phase.generate],  # the first failure is enough; no time goes into making it small
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                    derandomize=True,
                ),
            )
