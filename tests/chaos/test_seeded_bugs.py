"""The state machine finds every bug that is put into the engine's SQL: its silence means something."""

# ruff: noqa: E501 - a seeded bug is read as one line

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from psycopg.sql import SQL

from lading.db import statements
from lading.db.embedded import EmbeddedServer
from lading.jobs import marks
from tests.conftest import fresh_database
from tests.machine import JobsMachine

pytestmark = pytest.mark.timeout(600)

QUERIES = Path(statements.__file__).parents[1] / "jobs" / "queries"

# A wrong answer, a constraint of the schema that holds, or an outcome that can't be; a mere slip in the mutant's SQL is
# an error of this test.
FOUND = (AssertionError, psycopg.errors.IntegrityError, LookupError)

# What is said of each is the promise that it breaks.  That a fence compares the lease, too, no test can miss: a started
# attempt has one lease for ever, and one that has not started is refused.
BUGS = {
    "a stale attempt may write": ("guard", "AND attempt = %(attempt)s::integer", "AND true"),
    "a stale lease may start": ("start", "AND lease_id = %(lease_id)s::uuid", "AND lease_id IS NOT NULL"),
    "a job is started twice": ("start", "AND started_at IS NULL", "AND true"),
    "attempts do not grow": ("start", "attempt = attempt + 1", "attempt = greatest(attempt, 1)"),
    "a scheduled job is claimed": ("claim", "AND jobs.state = 'pending'", "AND jobs.state <> 'running'"),
    "a running job is claimed": ("claim", "AND jobs.state = 'pending'", "AND jobs.state IN ('pending', 'running')"),
    "a pause is not obeyed": ("claim", "WHEN is_paused THEN 'pause'", "WHEN false THEN 'pause'"),
    "a quota is not obeyed": ("claim", "WHERE spot <= least(coalesce(slots, spot)", "WHERE spot <= least(coalesce(NULL, spot)"),
    "a quota counts what waits": ("claim", "OR quotas.kind = '*')\n                 AND jobs.state = 'running'", "OR quotas.kind = '*')"),
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
    "an ended job stays live": ("finish", "DELETE FROM jobs", "UPDATE jobs SET rev = rev"),
    "an outcome is not recorded": ("end_attempt", "outcome = %(outcome)s::text", "outcome = 'lost'"),
    "a cancel reaches no holder": ("request_cancel", "AND state = 'running'", "AND state = 'blocked'"),
    "a job due later is pending at once": ("enqueue", "WHEN due.at > lading_now() THEN 'scheduled'", "WHEN false THEN 'scheduled'"),
    "a failure is not recorded": ("finish", "failures + %(failures)s::integer", "failures + 7"),
    "what ended is forgotten": ("finish", "FROM ended", "FROM ended WHERE false"),
    "a paused kind holds back all": ("claim", "stop.target = lanes.kind)", "stop.target <> lanes.kind)"),
    "a job of another kind is claimed": ("claim", "WHERE lanes.kind = ANY(%(kinds)s::text[])", "WHERE lanes.kind <> ALL(%(kinds)s::text[])"),
    "a retry comes back with its lease": ("put_back", "lease_id = NULL,", "lease_id = lease_id,"),
    "a retry counts as started": ("put_back", "started_at = NULL,", "started_at = lading_now(),"),
    "a batch takes who must run alone": ("claim", "NOT jobs.is_solo OR", "true OR"),
    "who must run alone never runs": ("claim", "NOT jobs.is_solo OR %(batch_id)s::uuid IS NULL", "NOT jobs.is_solo"),
    "a batch has not started": ("claim", "ELSE (SELECT lading_now()) END", "ELSE (SELECT lading_now()) - interval '1 day' END"),
    "a batch counts no attempt": ("claim", "IS NULL THEN 0 ELSE 1 END", "IS NULL THEN 0 ELSE 0 END"),
    "a claim counts an attempt": ("claim", "IS NULL THEN 0 ELSE 1 END", "IS NULL THEN 1 ELSE 1 END"),
    "a lost batch is not remembered": ("put_back", "is_solo OR %(is_solo)s::boolean", "is_solo OR false"),
    "what was lost fails a claim that has not begun": ("guard", "AND (started_at IS NOT NULL OR %(maybe_unstarted)s::boolean)", ""),
    "what was lost ends a claim that has not begun": ("batch_settle", "AND jobs.started_at IS NOT NULL", ""),
    "a job in a batch ends under a stale attempt": ("batch_settle", "AND jobs.attempt = given.attempt", "AND true"),
    "a blocked job is pending at once": ("enqueue", "THEN 'blocked'", "THEN 'pending'"),
    "a quota of all kinds is not obeyed": ("claim", "rank <= least(coalesce(total_slots, rank)", "rank <= least(coalesce(NULL, rank)"),
    "a quota of all kinds counts one": ("claim", "jobs.kind = quotas.kind OR quotas.kind = '*'", "jobs.kind = quotas.kind"),
    "a tenant's limit is not obeyed": ("claim", "least(turn.slots, total.slots) AS total_slots", "total.slots AS total_slots"),
    "a tenant's limit counts what waits": ("claim", "jobs.tenant_id = held.tenant_id AND jobs.state = 'running'\n               )\n           END AS slots", "jobs.tenant_id = held.tenant_id\n               )\n           END AS slots"),
    "a bucket is not obeyed": ("claim", "spot <= least(coalesce(floor(tokens), spot)", "spot <= least(coalesce(NULL, spot)"),
    "a bucket lends one": ("claim", "coalesce(floor(tokens), spot)", "coalesce(ceil(tokens), spot)"),
    "tokens are not spent": ("claim", "bucket.tokens - taken.jobs", "bucket.tokens"),
    "a bucket fills beyond its burst": ("claim", "least(greatest(1, burst * factor), tokens", "least(greatest(1, burst * factor) + 1, tokens"),
    "the factor does not slow": ("claim", "+ rate * factor * greatest", "+ rate * greatest"),
    "the factor leaves the burst": ("claim", "greatest(1, burst * factor)", "greatest(1, burst)"),
    "a bucket without a whole token never fills": ("claim", "least(greatest(1, burst * factor)", "least(greatest(0, burst * factor)"),
    "a host's wish is not heard": ("claim", "WHEN blocked_until > lading_now() THEN 'rate'", "WHEN false THEN 'rate'"),
    "time refills twice": ("claim", "refilled_at = greatest(buckets.refilled_at, lading_now())", "refilled_at = buckets.refilled_at"),
    "a mark passes the next job": ("claim", "jobs.sequence >= span.floor", "jobs.sequence > span.floor"),
    "a mark hides other priorities": ("claim", "span.low < span.high AND jobs.priority BETWEEN", "false AND jobs.priority BETWEEN"),
    "marks are never dropped": ("marks.py", "self._drop_at = self._clock() + DROP_SECONDS", "self._drop_at = self._clock() + 3600"),
    "a mark is one too high": ("marks.py", "self._settled) + 1", "self._settled) + 2"),
    "what is urgent goes last": ("claim", "ORDER BY jobs.priority DESC, jobs.sequence", "ORDER BY jobs.priority, jobs.sequence"),
    "the last comes first": ("claim", "ORDER BY jobs.priority DESC, jobs.sequence", "ORDER BY jobs.priority DESC, jobs.sequence DESC"),
    "marks of lanes are mixed up": ("marks.py", "lane = Lane(is_batch, job.kind, job.host)", "lane = Lane(False, claimed[0].kind, job.host)"),
    "a new job is lost": ("enqueue", "ON CONFLICT DO NOTHING", "LIMIT 0"),
}  # fmt: skip

# Bugs of the short claim, each with a scene that must show it.
SHORT = {
    "a pause is not seen": ("AND starts_at <= lading_now()", "AND false", lambda it: it.fill_quotas(0, 1, "pause", True)),
    "a quota is not seen": ("(kind = '*' OR kind = ANY(%(kinds)s::text[]))", "false", lambda it: it.fill_quotas(0, 1, "kind", True)),
    "a quota of all kinds is not seen": ("kind = '*' OR", "false OR", lambda it: it.fill_quotas(0, 1, "all", True)),
    "a tenant's limit is not seen": ("AND strategy <> 'unlimited'", "AND false", lambda it: it.fill_quotas(0, 1, "tenant", True)),
    "a bucket is not seen": ("AND buckets.host = lane.host", "AND false", lambda it: it.drain_bucket(0, 0.25, 2, 1.0, 0, [1], True)),
    "a host's wish is not seen": ("AND buckets.host = lane.host", "AND false", lambda it: it.drain_bucket(0, 1.0, 4, 1.0, 10, [1], True)),
    "a scheduled job is claimed": ("jobs.state = 'pending'", "jobs.state IN ('pending', 'scheduled')", lambda it: it.claim_short([(2, 20, 0), (2, 0, 0)], 3)),
    "a running job is claimed": ("jobs.state = 'pending'", "jobs.state IN ('pending', 'running')", lambda it: it.claim_short([(4, 0, 0)], 2, 3)),
    "a job is locked that does not wait": ("jobs.state = 'pending'", "jobs.state IN ('pending', 'blocked')", lambda it: it.claim_short([(1, 0, 2), (3, 0, 0)], 2, parents=1)),
    "a batch takes who must run alone": ("AND NOT jobs.is_solo", "AND true", lambda it: it.lose_batch(0, False, 0, "complete")),
    "a batch has not started": ("started_at = (SELECT lading_now())", "started_at = (SELECT lading_now()) - interval '1 day'", lambda it: it.claim_short([(2, 0, 0)], 2)),
    "a batch counts no attempt": ("attempt = attempt + 1", "attempt = attempt", lambda it: it.claim_short([(2, 0, 0)], 2)),
    "a mark passes the next job": ("jobs.sequence >= span.floor", "jobs.sequence > span.floor + 1", lambda it: it.follow_marks(0, 1, 1, True, False, 1, [1, 1])),
    "a mark hides other priorities": ("span.low < span.high AND jobs.priority BETWEEN", "false AND jobs.priority BETWEEN", lambda it: it.follow_marks(0, 1, 2, True, False, 1, [1, 1])),
    "what is urgent goes last": ("ORDER BY jobs.priority DESC, jobs.sequence", "ORDER BY jobs.priority, jobs.sequence", lambda it: it.claim_short([(3, 0, 0), (2, 0, 2)], 2)),
    "the last comes first": ("ORDER BY jobs.priority DESC, jobs.sequence", "ORDER BY jobs.priority DESC, jobs.sequence DESC", lambda it: it.claim_short([(4, 0, 1)], 2)),
}  # fmt: skip


@pytest.fixture
def seeded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    name, old, new = BUGS[request.param]
    if name == "marks.py":
        text = Path(marks.__file__).read_text("utf-8")
        redefine(mutant(name, text, old, new))
        yield
        redefine(text)
        return
    text = mutant(name, (QUERIES / f"{name}.sql").read_text("utf-8"), old, new)
    original = statements._load

    def load(package: str, wanted: str) -> object:
        return SQL(text) if package == "lading.jobs" and wanted == name else original(package, wanted)

    monkeypatch.setattr(statements, "_load", load)
    yield


def mutant(name: str, text: str, old: str, new: str) -> str:
    assert text.count(old) >= 1, f"{name} has changed: {old!r} is not in it"
    return text.replace(old, new)


def redefine(text: str) -> None:
    exec(compile(text, marks.__file__, "exec"), vars(marks))


@pytest.mark.parametrize("seeded", sorted(BUGS), indirect=True)
@pytest.mark.usefixtures("seeded")
def test_the_machine_finds(server: EmbeddedServer) -> None:
    with fresh_database(server) as url:
        machine = JobsMachine.on(url)
        try:
            with pytest.raises(FOUND):
                run_state_machine_as_test(
                    machine,
                    settings=settings(
                        max_examples=250,
                        stateful_step_count=25,
                        deadline=None,
                        phases=[Phase.generate],  # the first failure is enough; no time goes into making it small
                        report_multiple_bugs=False,
                        suppress_health_check=list(HealthCheck),
                        database=None,
                        derandomize=True,
                    ),
                )
        finally:
            machine.close()


def come_due(it: JobsMachine) -> None:
    """Let the time of a job come."""
    it.enqueue(1, 20, 0, is_other=False, parents=0)
    it.pass_time(16)
    it.pass_time(16)
    it.promote()


SCENES = {bug: ("claim_free", *rest) for bug, rest in SHORT.items()} | {
    "promotion never comes": (
        "promote",
        "due_at <= lading_now()",
        "due_at <= lading_now() - interval '1 day'",
        come_due,
    ),
}


@pytest.mark.parametrize("bug", sorted(SCENES))
def test_a_scene_shows(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, bug: str) -> None:
    name, old, new, scene = SCENES[bug]
    text = mutant(name, (QUERIES / f"{name}.sql").read_text("utf-8"), old, new)
    original = statements._load

    def load(package: str, wanted: str) -> object:
        return SQL(text) if package == "lading.jobs" and wanted == name else original(package, wanted)

    with fresh_database(server) as url:
        machine = JobsMachine.on(url)
        try:
            play(machine, scene)  # the sound one
            monkeypatch.setattr(statements, "_load", load)
            with pytest.raises(FOUND):
                play(machine, scene)
        finally:
            machine.close()


def play(machine: type[JobsMachine], scene: Callable[[JobsMachine], None]) -> None:
    it = machine()
    it.begin()
    scene(it)
