"""The commands over jobs, throttles and sources send what was typed, count before they act, and go on to the end."""

# O1, O10, O11, O12.

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import httpx2
import pytest
from click.testing import CliRunner, Result

from lading import cli
from lading.cli import exits
from lading.cli.options import Line
from lading.client.sync.client import Client
from lading.errors import Conflict, InvalidInput
from lading.wire.jobs import ActionRefusal, ActionResult, JobDetail, Kind
from lading.wire.letters import BulkResult, LetterCount, LetterDay, LetterStats, Refusal
from lading.wire.limits import Pause
from lading.wire.sources import Source
from lading.wire.throttles import SetThrottle

JOB = JobDetail(
    "job_2", "noop", "activities", "drill:1", "pending", 100, 0, 0, 0, 8, "worker", None, None, "2026-11-21T12:00:00Z",
    None, None, None, "run_1", "job_1", "ab" * 32, 60, [], {"seconds": 2},
)  # fmt: skip
TOLD = ActionResult("retry", True, 3, 0, [], ["job_3", "job_2"], False)
WHY = ("--reason", "mended", "--ticket", "OPS-1")

Desk = Callable[..., Result]


class Server:
    """What was asked of it, and what it answers in turn: path → bodies."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.headers: list[httpx2.Headers] = []
        self.answers: dict[str, list[Any]] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode().removeprefix("/api/v1/")
        self.seen.append((request.method, path, json.loads(request.content) if request.content else None))
        self.headers.append(request.headers)
        waiting = self.answers.get(path, [])
        if not waiting:
            return httpx2.Response(204)
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)

    @property
    def bodies(self) -> list[Any]:
        """Return the bodies that were sent."""
        return [body for _, _, body in self.seen]


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


def _conflict(detail: str) -> httpx2.Response:
    return httpx2.Response(
        409, json={"type": "urn:x", "title": "x", "status": 409, "code": "conflict", "detail": detail}
    )


# --- one job --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "code"), [("completed", 0), ("dead", 20), ("cancelled", 20)])
def test_a_job_is_waited_for_until_it_ended(server: Server, desk: Desk, state: str, code: int) -> None:
    server.answers["jobs/job_2"] = [asdict(JOB), asdict(replace(JOB, state=state))]

    ran = desk("jobs", "wait", "job_2", "--json")

    assert (ran.return_value, json.loads(ran.stdout)["state"]) == (code, state)


def test_a_job_that_does_not_end_in_time_is_told_with_the_way_back(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["jobs/job_2"] = [asdict(JOB)]

    assert cli.run(["jobs", "wait", "job_2", "--timeout", "0"]) == exits.TIMEOUT
    assert "lading jobs wait job_2" in capsys.readouterr().err


def test_a_job_is_asked_for_as_it_was_typed(server: Server, desk: Desk) -> None:
    server.answers["jobs"] = [asdict(JOB)]

    ran = desk(
        "jobs", "create", "noop", "--payload", '{"seconds": 2}', "--source", "activities", "--subject", "drill:1",
        "--priority", "-5", "--at", "2026-12-01T23:00+01:00", "--max-attempts", "3", "--deadline", "1m",
        "--idempotency-key", "tonight",
    )  # fmt: skip

    assert "payload\tseconds=2" in ran.stdout
    assert "replay of\tjob_1" in ran.stdout
    assert server.headers[0]["Idempotency-Key"] == "tonight"
    assert server.bodies == [
        {
            "kind": "noop", "payload": {"seconds": 2}, "source": "activities", "priority": -5,
            "due_at": "2026-12-01T22:00:00Z", "max_attempts": 3, "deadline_seconds": 60, "subject": "drill:1",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        ("--payload", "seconds=2"),
        ("--payload", "[]"),
        ("--payload", '{"seconds": NaN}'),
        ("--payload", '{"seconds": 1e400}'),
        ("--deadline", "soon"),
        ("--at", "tonight"),
        ("--at", "2026-12-01T22:00Z", "--in", "2h"),
        ("--in", "2"),
    ],
    ids=" ".join,
)
def test_a_job_that_is_unclear_is_not_sent(server: Server, desk: Desk, wrong: tuple[str, ...]) -> None:
    assert isinstance(desk("jobs", "create", "noop", *wrong).exception, InvalidInput)
    assert server.seen == []


@pytest.mark.parametrize("text", ['[{"kind": "noop"}, {"kind": "noop"}]', '{"kind": "noop"}\n\n{"kind": "noop"}\n'])
def test_a_batch_is_a_list_or_lines(server: Server, desk: Desk, text: str) -> None:
    server.answers["jobs/batch"] = [{"jobs": ["job_1", "job_2"]}]

    ran = desk("jobs", "create-batch", "-", "--json", input=text)

    assert json.loads(ran.stdout) == [{"id": "job_1"}, {"id": "job_2"}]
    assert [each["kind"] for each in server.bodies[0]["jobs"]] == ["noop", "noop"]


@pytest.mark.parametrize("text", ["", "x", "[1]", '{"kind": "noop", "colour": "red"}', '{"payload": {}}'])
def test_a_batch_that_is_none_is_not_sent(server: Server, desk: Desk, tmp_path: Path, text: str) -> None:
    (tmp_path / "jobs").write_text(text)

    assert isinstance(desk("jobs", "create-batch", str(tmp_path / "jobs")).exception, InvalidInput)
    assert server.seen == []


def test_a_job_is_retried_and_replayed_for_a_reason(server: Server, desk: Desk) -> None:
    server.answers = {"jobs/job_1/retry": [asdict(JOB)], "jobs/job_1/replay": [asdict(JOB)]}

    retried = desk("jobs", "retry", "job_1", *WHY, "--json")
    replayed = desk("jobs", "replay", "job_1", *WHY, "--priority", "-1")

    assert json.loads(retried.stdout)["id"] == "job_2"
    assert replayed.return_value is None
    assert server.bodies == [
        {"reason": "mended", "ticket": "OPS-1"},
        {"reason": "mended", "ticket": "OPS-1", "priority": -1},
    ]


def test_history_and_kinds_are_tables(server: Server, desk: Desk) -> None:
    line = {"at": "2026-11-21T12:00:00Z", "type": "job.replayed", "actor": {"kind": "key", "id": "key_1"}, "data": {}}
    server.answers = {
        "jobs/job_1/history": [{"items": [line]}],
        "kinds": [{"items": [asdict(Kind("noop", True, "x"))]}],
    }

    assert desk("jobs", "history", "job_1").stdout.splitlines()[1:] == [
        "2026-11-21T12:00:00Z\tjob.replayed\tkey key_1\t"
    ]
    assert desk("jobs", "kinds").stdout.splitlines()[1:] == ["noop\tyes\tx"]


# --- many jobs ------------------------------------------------------------------------------------


def test_a_dry_run_counts_all_pages_and_does_nothing(server: Server, desk: Desk) -> None:
    first = replace(TOLD, matched=1000, has_more=True, next_cursor="x")
    server.answers["jobs/actions"] = [asdict(first), asdict(TOLD)]

    ran = desk("jobs", "bulk", "retry", "--source", "activities", "--state", "dead", *WHY, "--dry-run")

    assert ran.stdout == "action\tretry\nmatched\t1003\ndone\t0\nsuch as\tjob_3,job_2\n"
    assert [(body["dry_run"], body["cursor"], body["limit"]) for body in server.bodies] == [
        (True, None, 200),
        (True, "x", 200),
    ]
    assert server.bodies[0]["filter"] | {"state": ["dead"], "source": "activities"} == server.bodies[0]["filter"]


def test_a_script_says_yes_and_is_told_who_was_refused(server: Server, desk: Desk) -> None:
    first = replace(TOLD, dry_run=False, matched=2, done=1, has_more=True, next_cursor="x")
    refusal = ActionRefusal("job_9", "invalid-transition", "It runs.")
    server.answers["jobs/actions"] = [
        asdict(replace(first, refused=[refusal])),
        asdict(replace(TOLD, dry_run=False, matched=1, done=1)),
    ]

    ran = desk("jobs", "bulk", "prioritise", "--all", "--priority", "-3", *WHY, "--yes")

    assert ran.return_value == exits.CONFLICT
    assert ran.stderr == "job_9  It runs.\n"
    assert "matched\t3\ndone\t2\n" in ran.stdout
    assert [(body["all"], body["priority"], body["dry_run"]) for body in server.bodies] == [(True, -3, False)] * 2


def test_a_limit_is_kept_over_pages(server: Server, desk: Desk) -> None:
    page = asdict(replace(TOLD, matched=200, has_more=True, next_cursor="x"))
    server.answers["jobs/actions"] = [page, asdict(replace(TOLD, matched=20, has_more=True, next_cursor="y"))]

    ran = desk("jobs", "bulk", "cancel", "--kind", "noop", "--limit", "220", *WHY, "--yes", "--json")

    assert json.loads(ran.stdout)["matched"] == 220
    assert [body["limit"] for body in server.bodies] == [200, 20]


def test_nobody_is_steered_by_a_script_that_does_not_say_yes(server: Server, desk: Desk) -> None:
    server.answers["jobs/actions"] = [asdict(TOLD)]

    ran = desk("jobs", "bulk", "cancel", "--all", *WHY)

    assert str(ran.exception) == "This asks first, and nobody is there to answer; say --yes."
    assert [body["dry_run"] for body in server.bodies] == [True]


def test_where_nothing_matches_nobody_is_asked(server: Server, desk: Desk) -> None:
    server.answers["jobs/actions"] = [asdict(replace(TOLD, matched=0, sample=[]))]

    assert desk("jobs", "bulk", "cancel", "--kind", "x", *WHY).return_value == exits.OK


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "retry", "job_1"),
        ("jobs", "replay", "job_1"),
        ("jobs", "bulk", "cancel", "--all"),
        ("throttle", "tenant", "--max-active", "1"),
        ("sources", "delete", "activities", "--yes"),
    ],
    ids=" ".join,
)
def test_nothing_is_sent_without_a_reason(server: Server, desk: Desk, arguments: tuple[str, ...]) -> None:
    assert isinstance(desk(*arguments).exception, click.MissingParameter)
    assert server.seen == []


# --- throttles, pauses, sources, letters ----------------------------------------------------------


def test_a_throttle_is_set_and_lifted(server: Server, desk: Desk) -> None:
    server.answers["throttles"] = [
        asdict(SetThrottle("source", "activities", 0.5, 5.0, None, None, None, "mended", "OPS-1"))
    ]
    ran = desk("throttle", "source", "activities", "--rate", "30/m", "--burst", "5", *WHY)
    server.answers.clear()
    lifted = desk("throttle", "tenant", "--lift", *WHY)

    assert "rate\t30/m\nburst\t5\n" in ran.stdout
    assert lifted.stderr == "Tenant goes at its own pace again.\n"
    assert [(method, body["scope"], body["target"]) for method, _, body in server.seen] == [
        ("POST", "source", "activities"),
        ("DELETE", "tenant", ""),
    ]
    assert server.bodies[0]["rate"] == 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        ("tenant", "x", "--max-active", "1"),
        ("source", "--rate", "5/s"),
        ("source", "x"),
        ("source", "x", "--rate", "5/s", "--lift"),
        ("source", "x", "--rate", "5"),
        ("job", "x", "--until", "soon"),
        ("job", "x", "--for", "2h", "--until", "2026-12-01T22:00Z"),
    ],
    ids=" ".join,
)
def test_a_throttle_that_is_unclear_is_not_sent(server: Server, desk: Desk, arguments: tuple[str, ...]) -> None:
    assert isinstance(desk("throttle", *arguments, *WHY).exception, InvalidInput)
    assert server.seen == []


def test_what_is_slowed_down_and_what_is_over_are_tables(server: Server, desk: Desk) -> None:
    slow = SetThrottle("tenant", "", None, None, 2, None, None, "mended", None)
    over = Pause(
        "pau_1", "kind", "noop", "why", None, "key_1", "a", "b", "c", "c", "key_2", "it rests no more", "OPS-2"
    )
    server.answers = {
        "throttles": [{"items": [], "set": [asdict(slow)]}],
        "pauses?over=true&limit=50": [{"items": [asdict(over)]}],
    }

    assert desk("throttles", "slowed").stdout.splitlines()[1] == "tenant\t\t\t2\t\t\t\t\tmended"
    assert desk("pauses", "--over").stdout.splitlines()[1] == "pau_1\tkind\tnoop\tb\tc\tkey_2\twhy\tit rests no more"


def test_a_source_is_shown_put_and_deleted_at_a_version(server: Server, desk: Desk) -> None:
    server.answers["sources/activities"] = [asdict(Source("activities", "postgresql", "env:X", None, 600, {}, 3))]
    shown = desk("sources", "get", "activities")
    desk("sources", "put", "activities", "--credentials", "env:X", "--if-version", "3")
    server.answers.clear()
    gone = desk("sources", "delete", "activities", "--if-version", "3", *WHY, "--yes", "--json")

    assert "version\t3" in shown.stdout
    assert json.loads(gone.stdout) == {"deleted": "activities"}
    assert [headers.get("If-Match") for headers in server.headers] == [None, '"v3"', '"v3"']
    assert server.bodies[2] == {"reason": "mended", "ticket": "OPS-1"}


def test_a_source_in_use_is_the_servers_sentence(server: Server, desk: Desk) -> None:
    server.answers["sources/activities"] = [_conflict("Source activities is read by bufdir.")]

    ran = desk("sources", "delete", "activities", *WHY, "--yes")

    assert isinstance(ran.exception, Conflict)
    assert exits.of(ran.exception) == exits.CONFLICT


def test_letters_in_bulk_go_on_to_the_end(server: Server, desk: Desk) -> None:
    first = BulkResult(1000, 999, [Refusal("job_1", "No.")], True, "x")
    server.answers["dead-letters/discard"] = [asdict(first), asdict(BulkResult(5, 5, []))]

    ran = desk("deadletters", "discard", "--older-than", "2d", "--to", "2026-12-01T22:00Z", *WHY, "--yes")

    assert (ran.return_value, ran.stdout) == (exits.CONFLICT, "matched\t1005\ndone\t1004\n")
    assert [(body["older_than_seconds"], body["died_to"], body["cursor"]) for body in server.bodies] == [
        (172800, "2026-12-01T22:00:00Z", None),
        (172800, "2026-12-01T22:00:00Z", "x"),
    ]


def test_letters_are_shown_in_numbers(server: Server, desk: Desk) -> None:
    stats = LetterStats(
        2, 1, 0, 0, 1, [LetterCount("export", 2)], [LetterCount("activities", 2)], [LetterCount("timeout", 2)],
        [LetterCount("under 1 hour", 2)], [LetterDay("2026-11-20", 0), LetterDay("2026-11-21", 3)],
    )  # fmt: skip
    server.answers["dead-letters/stats"] = [asdict(stats)]

    ran = desk("deadletters", "stats")

    assert ran.stdout.splitlines()[1:] == [
        "open\t\t2", "requeued\t\t1", "resolved\t\t0", "discarded\t\t0", "died again\t\t1",
        "open, by kind\texport\t2", "open, by source\tactivities\t2", "open, by code\ttimeout\t2",
        "open, by age\tunder 1 hour\t2", "died on\t2026-11-21\t3",
    ]  # fmt: skip
    assert json.loads(desk("deadletters", "stats", "--json").stdout) == asdict(stats)
