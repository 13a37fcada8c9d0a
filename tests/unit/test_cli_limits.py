"""The commands of an operator send what was asked for, refuse what is unclear, and ask before they do much."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result

from lading import cli
from lading.cli import exits
from lading.cli.options import Line
from lading.client.sync.client import Client
from lading.errors import InvalidInput, NotFound
from lading.wire.jobs import Attempt, JobDetail, JobFault
from lading.wire.letters import BulkResult, DeadLetter, LetterHealth, Refusal
from lading.wire.limits import Pause, Quota, RateLimit

JOB = JobDetail(
    "job_1", "export", "activities", "exp_1", "pending", 0, 1, 1, 0, 8, "pause", None, None, "2026-11-21T12:00:00Z",
    None, None, None, None, None, None, None,
    [Attempt(1, "2026-11-21T12:00:01Z", "2026-11-21T12:00:02Z", "failed", JobFault("source-timeout", "Too slow."))],
)  # fmt: skip
LETTER = DeadLetter(
    "job_1", "export", "activities", "exp_1", "source-refused", "No such login.", "3f9a0c1d2b4e5f60", 1,
    "2026-11-21T12:00:00Z", 1, "open", None, None, None, None,
)  # fmt: skip
PAUSE = Pause(
    "pau_1", "source", "activities", "why", None, "key_1", "2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z", None
)

Desk = Callable[..., Result]
WHY = ("--reason", "the disk is slow")
SAID = {"reason": "the disk is slow", "ticket": None}


class Server:
    """What was asked of it, and what it answers: path → body, or status and body."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Any] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode().removeprefix("/api/v1/")
        self.seen.append((request.method, path, json.loads(request.content) if request.content else None))
        answer = self.answers.get(path)
        if answer is None:
            return httpx2.Response(204)
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(
        Line, "client", lambda _line: Client("http://lading.test", transport=httpx2.MockTransport(made))
    )
    return made


@pytest.fixture
def desk(server: Server) -> Desk:
    assert server.seen == []

    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(cli.root, arguments, prog_name="lading", standalone_mode=False, **options)

    return run


def _problem(status: int, code: str, detail: str) -> httpx2.Response:
    return httpx2.Response(
        status, json={"type": "urn:x", "title": "x", "status": status, "code": code, "detail": detail}
    )


# --- jobs -----------------------------------------------------------------------------------------


def test_jobs_are_filtered_and_followed_over_pages(server: Server, desk: Desk) -> None:
    job = {name: value for name, value in asdict(JOB).items() if name != "attempts"}
    server.answers["jobs?state=pending&state=scheduled&source=activities&limit=50"] = {
        "items": [job],
        "next_cursor": "x",
    }
    server.answers["jobs?state=pending&state=scheduled&source=activities&limit=50&cursor=x"] = {"items": [job]}

    ran = desk("jobs", "list", "--state", "pending", "--state", "scheduled", "--source", "activities")

    assert (
        ran.stdout.splitlines()[1:] == ["job_1\tpending\texport\tactivities\t0\tpause\t2026-11-21T12:00:00Z\texp_1"] * 2
    )


def test_a_job_is_shown_with_its_attempts(server: Server, desk: Desk) -> None:
    server.answers["jobs/job_1"] = asdict(JOB)

    ran = desk("jobs", "get", "job_1")

    assert "waiting for\tpause" in ran.stdout
    assert "attempt 1\t2026-11-21T12:00:01Z failed 2026-11-21T12:00:02Z: Too slow." in ran.stdout


def test_a_priority_may_be_negative(server: Server, desk: Desk) -> None:
    server.answers["jobs/job_1/prioritise"] = asdict(JOB)

    ran = desk("jobs", "prioritise", "job_1", "-5", "--reason", "not now", "--json")

    assert json.loads(ran.stdout)["id"] == "job_1"
    assert server.seen == [("POST", "jobs/job_1/prioritise", {"priority": -5, "reason": "not now", "ticket": None})]


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "cancel", "job_1"),
        ("jobs", "prioritise", "job_1", "5"),
        ("deadletters", "requeue", "job_1"),
        ("pause", "tenant"),
        ("resume", "pau_1"),
    ],
    ids=" ".join,
)
def test_nothing_is_sent_without_a_reason(server: Server, desk: Desk, arguments: tuple[str, ...]) -> None:
    ran = desk(*arguments)

    assert "Missing option '--reason'" in str(getattr(ran.exception, "format_message", str)())
    assert server.seen == []


# --- dead letters ---------------------------------------------------------------------------------


def test_letters_are_listed_by_filter(server: Server, desk: Desk) -> None:
    server.answers["dead-letters?limit=50&code=source-refused&state=open"] = {"items": [asdict(LETTER)]}

    ran = desk("deadletters", "list", "--code", "source-refused", "--json")

    assert json.loads(ran.stdout) == [asdict(LETTER)]


@pytest.mark.parametrize(
    "which", [(), ("--all", "--code", "x"), ("job_1", "--all"), ("job_1", "--kind", "export")], ids=" ".join
)
def test_which_letters_are_meant_must_be_clear(server: Server, desk: Desk, which: tuple[str, ...]) -> None:
    ran = desk("deadletters", "discard", *which, "--reason", "old", "--yes")

    assert isinstance(ran.exception, InvalidInput)
    assert server.seen == []


def test_a_dry_run_only_counts(server: Server, desk: Desk) -> None:
    server.answers["dead-letters/requeue"] = asdict(BulkResult(12, 0, []))

    ran = desk("deadletters", "requeue", "--fingerprint", "3f9a", "--reason", "mended", "--dry-run")

    assert ran.stdout == "matched\t12\ndone\t0\n"
    assert [(body["fingerprint"], body["dry_run"]) for _, _, body in server.seen] == [("3f9a", True)]


def test_a_script_must_say_yes(server: Server, desk: Desk) -> None:
    server.answers["dead-letters/requeue"] = asdict(BulkResult(12, 0, []))

    ran = desk("deadletters", "requeue", "--all", "--reason", "mended")

    assert str(ran.exception) == "This asks first, and nobody is there to answer; say --yes."
    assert [body["dry_run"] for _, _, body in server.seen] == [True]


def test_with_yes_it_is_done_and_who_was_refused_is_named(server: Server, desk: Desk) -> None:
    server.answers["dead-letters/requeue"] = asdict(BulkResult(2, 1, [Refusal("job_2", "It runs already.")]))

    ran = desk("deadletters", "requeue", "--all", "--reason", "mended", "--ticket", "OPS-1", "--yes")

    assert ran.return_value == exits.CONFLICT
    assert ran.stderr == "job_2  It runs already.\n"
    assert [(body["ticket"], body["dry_run"]) for _, _, body in server.seen] == [("OPS-1", False)]


def test_letters_by_id_are_closed_one_by_one_past_a_refusal(server: Server, desk: Desk) -> None:
    server.answers["dead-letters/job_1/resolve"] = _problem(409, "conflict", "It is resolved already.")
    server.answers["dead-letters/job_2/resolve"] = asdict(LETTER)

    ran = desk("deadletters", "resolve", "job_1", "job_2", "--reason", "sent by post", "--json")

    assert ran.return_value == exits.CONFLICT
    assert json.loads(ran.stdout) == {
        "matched": 2, "done": 1, "refused": [{"job": "job_1", "detail": "It is resolved already.", "code": "conflict"}],
        "has_more": False, "next_cursor": None,
    }  # fmt: skip


@pytest.mark.parametrize(("level", "code"), [("ok", exits.OK), ("warn", exits.OK), ("fail", exits.UNFIT)])
def test_health_fails_by_its_exit_code(server: Server, desk: Desk, level: str, code: int) -> None:
    server.answers["dead-letters/health"] = asdict(LetterHealth(11, level))

    ran = desk("deadletters", "health")

    assert (ran.return_value, ran.stdout) == (code, f"level\t{level}\nopen\t11\n")


# --- limits ---------------------------------------------------------------------------------------


def test_a_quota_is_set_as_given_and_dropped(server: Server, desk: Desk) -> None:
    server.answers["quotas/export"] = asdict(Quota("export", 0, None, None, 1, 1))
    desk("quotas", "set", "export", "--max-active", "0", *WHY)
    server.answers.clear()

    ran = desk("quotas", "drop", "export", *WHY)

    assert ran.stderr == "Jobs of kind export have no quota any more.\n"
    assert server.seen == [
        ("PUT", "quotas/export", {"max_active": 0, "max_per_hour": None, "burst": None, **SAID}),
        ("DELETE", "quotas/export", SAID),
    ]


def test_a_quota_that_limits_nothing_is_refused(server: Server, desk: Desk) -> None:
    assert isinstance(desk("quotas", "set", "export", "--burst", "3", *WHY).exception, InvalidInput)
    assert server.seen == []


def test_a_rate_is_sent_per_second_and_shown_as_it_is_read(server: Server, desk: Desk) -> None:
    server.answers["rate-limits/activities"] = asdict(RateLimit("activities", 0.5, 5.0, 5.0, 1, 0.5, 0.25))

    ran = desk("throttles", "limit", "activities", "--rate", "30/m", "--burst", "5", *WHY)

    assert ran.stdout.splitlines()[:6] == [
        "source\tactivities", "rate\t30/m", "burst\t5", "left now\t5", "factor\t0.5", "rate now\t15/m"
    ]  # fmt: skip
    assert server.seen == [("PUT", "rate-limits/activities", {"rate": 0.5, "burst": 5, **SAID})]


@pytest.mark.parametrize("rate", ["5", "5/d", "-1/s", "1e9/s", "", "5/s/s", "٣/s"])
def test_what_is_no_rate_is_refused(server: Server, desk: Desk, rate: str) -> None:
    ran = desk("throttles", "limit", "activities", "--rate", rate, *WHY)

    assert isinstance(ran.exception, InvalidInput)
    assert server.seen == []


def test_a_retry_policy_is_set_for_all_kinds_unless_one_is_named(server: Server, desk: Desk) -> None:
    wire = {"kind": "*", "fault_class": "timeout", "is_shipped": False, "reason": "x", "ticket": None}
    numbers = {"max_attempts": 3, "base_seconds": 30.0, "cap_seconds": 600.0}
    server.answers["retry-policies/%2A/timeout"] = {**wire, **numbers}
    options = ("--max-attempts", "3", "--base-seconds", "30", "--cap-seconds", "600", *WHY)

    ran = desk("retries", "set", "timeout", *options)
    server.answers.clear()
    reset = desk("retries", "reset", "timeout", "--kind", "export", *WHY)

    assert "most attempts\t3\n" in ran.stdout
    assert reset.stderr == "Nothing of its own is set for timeout and the kind export any more.\n"
    assert server.seen == [
        ("PUT", "retry-policies/%2A/timeout", {**numbers, **SAID}),
        ("DELETE", "retry-policies/export/timeout", SAID),
    ]


def test_an_allocation_is_set_with_a_value_that_may_be_negative(server: Server, desk: Desk) -> None:
    shown = {"tenant": "fjord", "strategy": "priority", "value": -5, "max_queued": 9, "version": 1}
    server.answers["allocations/fjord"] = {**shown, **SAID}

    ran = desk("allocations", "set", "fjord", "priority", "--value", "-5", "--max-queued", "9", *WHY)
    server.answers.clear()
    reset = desk("allocations", "reset", "fjord", *WHY)

    assert "value\t-5\n" in ran.stdout
    assert reset.stderr == "Tenant fjord has equal turns and no limit of its own.\n"
    assert server.seen == [
        ("PUT", "allocations/fjord", {"strategy": "priority", "value": -5, "max_queued": 9, **SAID}),
        ("DELETE", "allocations/fjord", SAID),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("quotas", "set", "export", "--max-active", "1"),
        ("quotas", "drop", "export"),
        ("throttles", "limit", "activities", "--rate", "1/s"),
        ("throttles", "lift", "activities"),
        ("retries", "set", "timeout", "--max-attempts", "3", "--base-seconds", "1", "--cap-seconds", "2"),
        ("retries", "reset", "timeout"),
        ("allocations", "set", "fjord", "unlimited"),
        ("allocations", "reset", "fjord"),
    ],
)
def test_a_limit_takes_a_reason(server: Server, desk: Desk, arguments: tuple[str, ...]) -> None:  # O10
    assert "reason" in str(desk(*arguments).exception)
    assert server.seen == []


def test_a_pause_has_no_end_unless_one_is_given(server: Server, desk: Desk) -> None:
    server.answers["pauses"] = asdict(PAUSE)

    desk("pause", "source", "activities", "--reason", "index")
    desk("pause", "tenant", "--reason", "all", "--from", "2026-12-01T23:00+01:00", "--for", "2h", "--ticket", "OPS-1")

    assert [body for _, _, body in server.seen] == [
        {
            "scope": "source", "target": "activities", "reason": "index", "ticket": None,
            "starts_at": None, "ends_at": None,
        },
        {
            "scope": "tenant", "target": "", "reason": "all", "ticket": "OPS-1",
            "starts_at": "2026-12-01T22:00:00Z", "ends_at": "2026-12-02T00:00:00Z",
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("tenant", "activities"),
        ("source",),
        ("source", "x", "--from", "2026-12-01T22:00Z"),
        ("source", "x", "--for", "2h", "--until", "2026-12-01T22:00Z"),
        ("source", "x", "--for", "soon"),
        ("source", "x", "--for", "0h"),
        ("source", "x", "--until", "2026-12-01T22:00"),
        ("source", "x", "--from", "9999-12-31T00:00Z", "--for", "3d"),
        ("source", "x", "--until", "0001-01-01T00:00+14:00"),
    ],
    ids=" ".join,
)
def test_a_pause_that_is_unclear_is_refused(server: Server, desk: Desk, arguments: tuple[str, ...]) -> None:
    ran = desk("pause", *arguments, "--reason", "index")

    assert isinstance(ran.exception, InvalidInput)
    assert server.seen == []


def test_a_pause_is_lifted_with_its_reason(server: Server, desk: Desk) -> None:
    ran = desk("resume", "pau_1", "--reason", "done")

    assert ran.stderr == "pau_1 lifted\n"
    assert server.seen == [("POST", "pauses/pau_1/resume", {"reason": "done", "ticket": None})]


def test_what_the_server_refuses_is_its_sentence(server: Server, desk: Desk) -> None:
    server.answers["pauses/pau_1/resume"] = _problem(404, "not-found", "There is no pause pau_1.")

    ran = desk("resume", "pau_1", "--reason", "done")

    assert isinstance(ran.exception, NotFound)
    assert str(ran.exception) == "There is no pause pau_1."


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (("throttles", "list"), "throttles"),
        (("throttles", "limits"), "rate-limits"),
        (("throttles", "breakers"), "breakers"),
        (("quotas", "list"), "quotas"),
        (("retries", "list"), "retry-policies"),
        (("allocations", "list"), "allocations?limit=200"),
        (("pauses",), "pauses"),
        (("deadletters", "clusters"), "dead-letters/clusters"),
    ],
)
def test_an_empty_list_is_empty(server: Server, desk: Desk, arguments: tuple[str, ...], path: str) -> None:
    server.answers[path] = {"items": []}

    ran = desk(*arguments, "--json")

    assert json.loads(ran.stdout) == []
