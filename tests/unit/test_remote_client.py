"""The client speaks the protocol of a ShareDo server with all its quirks, and takes nothing for whole that is not."""

# C12, C2, C4, C7

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lading import errors
from lading.artifacts import sharedo as packages
from lading.client.aio import remote_waiting as aio_waiting
from lading.client.dialects.sharedo import AsyncRemote, Credentials, Remote, Wanted, Watching
from lading.client.packages import compare, open_package
from lading.client.sync import remote_calls, remote_download, remote_waiting, session
from lading.errors import (
    DownloadFailed,
    ExportEndedBadly,
    InvalidInput,
    LadingError,
    NotFound,
    QueueFull,
    RecoveryFailed,
    ServerUnreachable,
    Unauthenticated,
    WaitTimeout,
)
from lading.wire import sharedo as protocol
from lading.wire.sharedo import Progress
from sharedo_server import CLIENT, SECRET, ShareDo, sharedo

MATTER = Wanted("worktype", "matter")


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Wait for nothing: the protocol is the same at any pace."""
    found: list[float] = []
    monkeypatch.setattr(session, "sleep", found.append)
    monkeypatch.setattr(remote_download, "sleep", found.append)
    return found


@pytest.fixture
def server() -> Iterator[ShareDo]:
    with sharedo() as running:
        yield running


def client(server: ShareDo, **options: Any) -> Remote:
    return Remote(server.url, server.identity, Credentials(CLIENT, SECRET), **options)


@pytest.mark.parametrize(
    "quirks",
    [
        {"throttle": [3, 5]},
        {"broken": {4: 502, 5: 408}},
        {"tokens_good_for": 2},
        {"id_field": "jobId"},
        {"id_field": "id"},
        {"creating": 4},
        {"has_etag": True, "cut_downloads": [4000]},
        {"cut_downloads": [0, 4000, 0, 3000]},
        {"cut_downloads": [4000], "has_ranges": False},
        {"cut_downloads": [4000], "has_length": False},
        {"has_length": False},
    ],
    ids=str,
)
def test_every_quirk_of_a_server_is_borne(quirks: dict[str, Any], tmp_path: Path) -> None:
    with sharedo(**quirks) as server, client(server) as remote:
        exported = remote.export(MATTER, tmp_path)

    assert exported.path.read_bytes() == next(iter(server.jobs.values())).package
    assert (exported.steps, exported.unresolved, len(server.jobs)) == (1, 3, 1)
    assert [path.name for path in tmp_path.iterdir()] == [exported.path.name]


@pytest.mark.parametrize("kind", protocol.KINDS)
def test_a_plain_submission_is_the_measured_one(kind: str, server: ShareDo, tmp_path: Path) -> None:
    with client(server) as remote:
        remote.export(Wanted(kind, "intake"), tmp_path)

    item = {"systemName": protocol.PROVIDERS[kind], "selector": {"systemName": "intake"}}
    assert server.bodies == [(protocol.SUBMIT, {"exportConfigName": "VeryBasic", "items": [item]})]


def test_options_are_told_to_the_server(server: ShareDo) -> None:
    wanted = Wanted("worktype", "matter", with_dependencies=True, with_history=True, form="json", compression="gzip")
    with client(server, created_by="ada") as remote:
        remote.submit(wanted)

    body = server.bodies[-1][1]
    assert body["createdBy"] == "ada"
    assert body["options"] == {
        "includeDependencies": True, "includeHistory": True, "format": "json", "compression": "gzip",
    }  # fmt: skip
    assert len(body["items"]) == 5


def test_dependencies_that_go_round_in_a_circle_come_once(server: ShareDo, tmp_path: Path) -> None:
    with client(server) as remote:
        exported = remote.export(Wanted("worktype", "matter", with_dependencies=True), tmp_path)

    assert (exported.steps, exported.unresolved) == (5, 0)
    assert server.count("POST", "/added") == 5


def test_a_token_is_fetched_once_and_again_five_minutes_before_its_end(
    server: ShareDo, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(remote_calls, "clock", lambda: now[0])
    with client(server) as remote:
        job = remote.submit(MATTER)
        now[0] += 299.0
        remote.progress(job)
        once = len(server.tokens)
        now[0] += 2.0
        remote.progress(job)

    assert (once, len(server.tokens)) == (1, 2)


def test_a_client_that_is_not_known_hears_so_and_not_its_secret(server: ShareDo) -> None:
    with (
        Remote(server.url, server.identity, Credentials("nobody", "hunter2")) as remote,
        pytest.raises(Unauthenticated) as error,
    ):
        remote.submit(MATTER)

    assert error.value.export_code == "EXPORT_008"
    assert "hunter2" not in f"{error.value}{error.value.__context__}{Credentials('nobody', 'hunter2')}"


@pytest.mark.parametrize("secret", [SECRET, "hunter2"])
def test_a_server_that_repeats_what_it_was_sent_is_not_quoted(secret: str) -> None:
    with (
        sharedo(is_chatty=True) as server,
        Remote(server.url, server.identity, Credentials(CLIENT, secret)) as remote,
        pytest.raises(LadingError) as error,
    ):
        remote.progress("a-1")

    shown = base64.b64encode(f"{CLIENT}:{secret}".encode()).decode()
    assert not [each for each in (shown, "token-1", "You sent", "Not Basic") if each in error.value.message]


def test_a_token_that_is_always_refused_ends_after_one_more_try(tmp_path: Path) -> None:
    with sharedo(tokens_good_for=0) as server, client(server) as remote, pytest.raises(Unauthenticated):
        remote.submit(MATTER)

    assert len(server.tokens) == 2


def test_complete_is_not_done_before_there_is_a_package(tmp_path: Path) -> None:
    seen: list[Progress] = []
    with sharedo(looks=1, creating=3) as server, client(server) as remote:
        remote.wait(remote.submit(MATTER), watching=Watching(on_progress=seen.append))

    assert [each.outcome for each in seen] == ["goes_on", "goes_on", "done"]
    assert [each.word for each in seen] == ["RUNNING", "CREATING PACKAGE", "COMPLETE"]
    assert sorted(each.percent for each in seen) == [each.percent for each in seen]


def test_the_pace_of_looks_is_adaptive(pauses: list[float]) -> None:
    with sharedo(looks=19, creating=0) as server, client(server) as remote:
        remote.wait(remote.submit(MATTER))

    # Four looks at once, then by how far it is: below 50 %, below 90 %, and at the end again often.
    assert pauses == [0.5] * 4 + [2.0] * 5 + [1.0] * 9 + [0.5]


def test_the_deadline_is_by_a_clock_that_only_goes_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 10.0
        return now[0]

    monkeypatch.setattr(remote_waiting, "clock", clock)
    with (
        sharedo(looks=1_000_000) as server,
        client(server) as remote,
        pytest.raises(WaitTimeout, match="lading remote wait") as error,
    ):
        remote.wait(remote.submit(MATTER), timeout=120.0)

    assert error.value.export_code == "EXPORT_002"
    assert server.count("GET", "/progress") < 13


def test_a_server_that_is_away_is_borne_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 10.0
        return now[0]

    monkeypatch.setattr(remote_waiting, "clock", clock)
    with sharedo(broken=dict.fromkeys(range(3, 100), 503)) as server, client(server) as remote:
        job = remote.submit(MATTER)
        with pytest.raises(ServerUnreachable, match="Something broke"):
            remote.wait(job, timeout=1e9)

    assert server.count("GET", "/progress") < 10


def test_a_stall_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stalls: list[Progress] = []
    with sharedo(looks=1, creating=6) as server, client(server) as remote:
        remote.wait(remote.submit(MATTER), watching=Watching(on_stalled=stalls.append, stalled_seconds=0.0))

    assert len(stalls) == 1


@pytest.mark.parametrize("fails", ["PACKAGE CREATION FAILED", "error"])
def test_a_job_that_failed_is_a_failure_and_no_fault_of_the_network(fails: str) -> None:
    with sharedo(fails=fails) as server, client(server) as remote, pytest.raises(ExportEndedBadly) as error:
        remote.wait(remote.submit(MATTER))

    assert error.value.export_code == "EXPORT_003"
    assert server.count("GET", "/progress") == 3


def test_a_failed_job_of_a_work_type_is_had_by_the_other_route(tmp_path: Path) -> None:
    with sharedo(fails="PACKAGE CREATION FAILED") as server, client(server) as remote:
        exported = remote.export(MATTER, tmp_path)

    assert (exported.way, exported.path.name) == ("at_once", "worktype-matter.json")
    assert json.loads(exported.path.read_bytes())["workTypeSystemName"] == "matter"
    assert [type(each) for each in exported.causes] == [ExportEndedBadly]


def test_an_export_that_failed_both_ways_carries_both_causes(tmp_path: Path) -> None:
    with (
        sharedo(fails="PACKAGE CREATION FAILED", fallback=400) as server,
        client(server) as remote,
        pytest.raises(RecoveryFailed) as error,
    ):
        remote.export(MATTER, tmp_path)

    assert [type(each) for each in error.value.causes] == [ExportEndedBadly, InvalidInput]
    assert error.value.export_code == "EXPORT_003"
    assert list(tmp_path.iterdir()) == []


def test_what_the_other_route_does_not_know_fails_as_it_failed(tmp_path: Path) -> None:
    with (
        sharedo(fails="PACKAGE CREATION FAILED") as server,
        client(server) as remote,
        pytest.raises(ExportEndedBadly),
    ):
        remote.export(Wanted("form", "intake"), tmp_path)

    assert server.count("POST", "/configuration/export") == 0


def test_ten_jobs_at_once_are_all_that_the_server_takes(server: ShareDo) -> None:
    server.quirks.retry_after = "600"
    with client(server) as remote:
        for _ in range(10):
            remote.submit(MATTER)
        with pytest.raises(QueueFull) as error:
            remote.submit(MATTER)

    assert (len(server.jobs), error.value.retry_after_seconds) == (10, 600.0)


def test_cancelling_is_best_effort(server: ShareDo) -> None:
    with client(server) as remote:
        running, done = remote.submit(MATTER), remote.submit(MATTER)
        remote.wait(done)
        told = [remote.cancel(job) for job in (running, done, "no-such-job")]

    assert told == [True, True, False]
    assert [job.is_cancelled for job in server.jobs.values()] == [True, False]


def test_a_download_of_another_process_goes_on_where_the_last_one_broke(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    with sharedo(cut_downloads=[4000, 0, 0, 0, 0, 0]) as server:
        with client(server) as remote:
            job = remote.submit(MATTER)
            remote.wait(job)
            with pytest.raises(ServerUnreachable):
                remote.download(job, target)
        assert not target.exists()
        with client(server) as remote:
            remote.download(job, target)

    assert server.downloads[-1] == ("bytes=4000-", 206)
    assert target.read_bytes() == server.jobs[job].package


def test_a_part_of_another_job_is_not_gone_on_with(tmp_path: Path) -> None:
    target = tmp_path / "package.zip"
    with sharedo(cut_downloads=[4000, 0, 0, 0, 0, 0]) as server, client(server) as remote:
        first, second = remote.submit(MATTER), remote.submit(MATTER)
        for job in (first, second):
            remote.wait(job)
        with pytest.raises(ServerUnreachable):
            remote.download(first, target)
        remote.download(second, target)

    assert target.read_bytes() == server.jobs[second].package


def test_damage_is_found_although_no_digest_is_told(tmp_path: Path) -> None:
    with sharedo(damaged=True) as server, client(server) as remote, pytest.raises(DownloadFailed) as error:
        remote.export(MATTER, tmp_path)

    assert error.value.export_code == "EXPORT_004"
    assert list(tmp_path.glob("*.zip")) == []
    assert len(server.downloads) == 2


def test_json_is_one_document_made_of_the_checked_package(server: ShareDo, tmp_path: Path) -> None:
    with client(server) as remote:
        plain = remote.export(Wanted("worktype", "matter", form="json"), tmp_path)
        packed = remote.export(Wanted("worktype", "matter", form="json", compression="gzip"), tmp_path)

    document = json.loads(plain.path.read_bytes())
    (step,) = document["manifest"]["ExportedSteps"]
    assert document["data"][step["Id"]]["SystemName"] == "matter"
    assert packed.path.name.endswith(".json.gz")
    assert json.loads(gzip.decompress(packed.path.read_bytes()))["manifest"]["Name"] == "VeryBasic"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("planet", "x"),
        Wanted("worktype", ""),
        Wanted("worktype", "a\nb"),
        Wanted("worktype", "x", form="xml"),
        Wanted("worktype", "x", compression="brotli"),
    ],
)
def test_what_can_not_be_asked_for_is_refused_before_anything_is_sent(
    wanted: Wanted, server: ShareDo, tmp_path: Path
) -> None:
    with client(server) as remote, pytest.raises(InvalidInput):
        remote.export(wanted, tmp_path)

    assert server.calls == []


@pytest.mark.parametrize("job", ["", "../x", "a/b", "x" * 81, "a?b"])
def test_nothing_that_is_no_id_becomes_part_of_a_path(job: str, server: ShareDo, tmp_path: Path) -> None:
    with client(server) as remote:
        for call in (remote.progress, remote.cancel, remote.wait):
            with pytest.raises(InvalidInput):
                call(job)
        with pytest.raises(InvalidInput):
            remote.download(job, tmp_path / "x.zip")

    assert server.calls == []


def test_a_secret_goes_to_no_server_unencrypted() -> None:
    with pytest.raises(InvalidInput, match="use https"):
        Remote("http://uat.example.org", "https://identity.example.org", Credentials("a", "b"))


def test_an_unknown_job_is_not_found_with_the_words_of_the_server(server: ShareDo) -> None:
    with client(server) as remote, pytest.raises(NotFound, match=r"No such job \(NotFound\)"):
        remote.progress("nobodys")


def test_two_exports_of_the_same_thing_are_the_same(server: ShareDo, tmp_path: Path) -> None:
    with client(server) as remote:
        first, second = (remote.export(MATTER, tmp_path).path for _ in range(2))

    assert first.read_bytes() != second.read_bytes()
    assert compare(open_package(first), open_package(second)).is_same


async def _exported(server: ShareDo, folder: Path) -> tuple[int | None, ...]:
    async with AsyncRemote(server.url, server.identity, Credentials(CLIENT, SECRET)) as remote:
        both = await asyncio.gather(*(remote.export(Wanted("worktype", name), folder) for name in ("matter", "task")))
    return tuple(each.steps for each in both)


def test_the_async_colour_does_the_same(server: ShareDo, tmp_path: Path) -> None:
    server.quirks.looks = server.quirks.creating = 0

    assert asyncio.run(_exported(server, tmp_path)) == (1, 1)
    assert aio_waiting.wait.__name__ == "wait"


@pytest.mark.parametrize("share", [0, 1, 30, 50, 99])
def test_a_package_that_is_cut_is_no_package(share: int, tmp_path: Path) -> None:
    with sharedo() as server, client(server) as remote:
        path = remote.export(MATTER, tmp_path).path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * share // 100])

    with pytest.raises(errors.PackageInvalid):
        packages.inspect(path)
