"""A remote export server is a source like every other: submitted once, followed, fetched whole, read as rows."""

# C12, P14

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow as pa
import pytest

from lading.errors import InvalidInput, SourceError, SourceRefused, SourceThrottled, SourceUnreachable
from lading.exports import profile_checks
from lading.sources import check, remote_reading
from lading.sources.connectors import connect
from lading.sources.model import Selection, Source
from lading.sources.options import check_options
from lading.sources.outside import Kept, Outside
from sharedo_server import CLIENT, SECRET, ShareDo, sharedo

TENANT = UUID("00000000-0000-7000-8000-000000000000")
LOOPBACK = Outside(networks=(ip_network("127.0.0.1/32"),))
KEY = ("provider", "system_name")
MATTER = Selection(remote={"kind": "worktype", "name": "matter"})


@dataclass
class Memory:
    """A book that outlives a reading (sources.outside.Book)."""

    states: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def kept(self, mark: str) -> Sequence[Kept]:
        return [Kept(Path("/"), self.states[mark])] if mark in self.states else []

    def keep(self, mark: str, number: int, state: Mapping[str, Any], rows: Sequence[pa.RecordBatch]) -> bool:
        assert number == 0
        assert rows
        self.states[mark] = state
        return True

    def forget(self, mark: str) -> None:
        self.states.pop(mark, None)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    # The protocol is the same at any pace; a test need not wait for it.
    monkeypatch.setattr(remote_reading, "interval", lambda _looks, _percent: 0.01)


def source_of(server: ShareDo, folder: Path, secret: str = f"{CLIENT}:{SECRET}", **options: str) -> Source:
    path = folder / "secret"
    path.write_text(secret)
    path.chmod(0o600)
    given = {"url": server.url, "identity_url": server.identity, **options}
    return Source(TENANT, "uat", "remote", f"file:{path}", None, 60, options=check_options("remote", given))


def read(
    source: Source, selection: Selection = MATTER, *, outside: Outside = LOOPBACK, key: Sequence[str] = KEY
) -> pl.DataFrame:
    with connect(source, outside=outside).open() as reading:
        return pl.DataFrame(pa.Table.from_batches(list(reading.batches(selection, {"form": "intake"}, key=key))))


@pytest.fixture
def server() -> Iterator[ShareDo]:
    with sharedo() as running:
        yield running


def test_rows_are_the_things_in_the_package(server: ShareDo, tmp_path: Path) -> None:
    selection = Selection(remote={"kind": "worktype", "name": "matter", "include_dependencies": True})

    rows = read(source_of(server, tmp_path), selection)

    assert rows.select(*KEY, "dependencies", "unresolved").rows() == [
        ("option-set", "matter-status", 0, 0),
        ("option-set", "task-status", 0, 0),
        ("participant-role", "client", 0, 0),
        ("sharedo-type", "matter", 3, 0),
        ("sharedo-type", "task", 2, 0),
    ]
    assert all(len(each) == 64 for each in rows["sha256"])
    assert all(each.startswith("data/") for each in rows["file"])
    assert (server.bodies[-1][1]["options"], len(server.jobs)) == ({"includeDependencies": True}, 1)


@pytest.mark.parametrize(
    ("kind", "provider"),
    [("worktype", "sharedo-type"), ("workflow", "execution-engine"), ("form", "form-builder"),
     ("configuration", "global-feature")],
)  # fmt: skip
def test_each_kind_is_asked_of_its_provider(kind: str, provider: str, server: ShareDo, tmp_path: Path) -> None:
    rows = read(source_of(server, tmp_path), Selection(remote={"kind": kind, "name": {"parameter": "form"}}))

    assert rows.select(*KEY).rows() == [(provider, "intake")]
    assert "options" not in server.bodies[-1][1]


def test_what_is_needed_and_not_there_is_counted(server: ShareDo, tmp_path: Path) -> None:
    assert read(source_of(server, tmp_path))["unresolved"].to_list() == [3]


@pytest.mark.parametrize(
    "quirks",
    [
        {"throttle": [2, 4]},
        {"broken": {3: 502, 4: 503}},
        {"tokens_good_for": 2},
        {"token_seconds": 1},
        {"id_field": "jobId"},
        {"id_field": "id"},
        {"cut_downloads": [5000, 3000]},
        {"cut_downloads": [5000], "has_ranges": False},
        {"cut_downloads": [5000], "has_length": False},
        {"has_length": False},
        {"creating": 5},
    ],
    ids=str,
)
def test_every_quirk_of_a_server_is_borne(quirks: dict[str, Any], tmp_path: Path) -> None:
    with sharedo(**quirks) as server:
        rows = read(source_of(server, tmp_path))

    assert rows["system_name"].to_list() == ["matter"]
    assert len(server.jobs) == 1


def test_a_broken_download_goes_on_where_it_broke(tmp_path: Path) -> None:
    with sharedo(cut_downloads=[5000, 3000]) as server:
        read(source_of(server, tmp_path))

    assert [asked for asked, _ in server.downloads] == [None, "bytes=5000-", "bytes=8000-"]


def test_a_later_attempt_goes_on_with_the_same_job(tmp_path: Path) -> None:
    book = Memory()
    outside = replace(LOOPBACK, book=book)
    with sharedo(retry_after="600") as server:
        source = source_of(server, tmp_path)
        # The third call after the submission is refused for ten minutes: the attempt gives up.
        server.quirks.throttle = [4]
        with pytest.raises(SourceThrottled) as error:
            read(source, outside=outside)
        rows = read(source, outside=outside)

    assert error.value.retry_after_seconds == 600.0
    assert rows.height == 1
    assert len(server.jobs) == 1


def test_a_job_is_noted_once_the_database_is_back(tmp_path: Path) -> None:
    class Away(Memory):
        """A book that can't be written at first."""

        tries = 0

        def keep(self, mark: str, number: int, state: Mapping[str, Any], rows: Sequence[pa.RecordBatch]) -> bool:
            self.tries += 1
            return self.tries > 2 and super().keep(mark, number, state, rows)

    book = Away()
    with sharedo() as server:
        source = source_of(server, tmp_path)
        read(source, outside=replace(LOOPBACK, book=book))
        read(source, outside=replace(LOOPBACK, book=book))

    assert (book.tries, len(server.jobs)) == (3, 1)


def test_a_job_that_the_server_forgot_is_asked_for_anew(tmp_path: Path) -> None:
    book = Memory()
    with sharedo() as server:
        source = source_of(server, tmp_path)
        read(source, outside=replace(LOOPBACK, book=book))
        ((mark, _),) = book.states.items()
        book.states[mark] = {"job": "f0f0f0f0"}
        rows = read(source, outside=replace(LOOPBACK, book=book))

    assert rows.height == 1
    assert len(server.jobs) == 2


def test_a_package_that_the_server_threw_away_is_asked_for_anew(server: ShareDo, tmp_path: Path) -> None:
    outside, lost = replace(LOOPBACK, book=Memory()), list[str]()

    def throw_away(_method: str, path: str) -> None:
        if path.endswith("/download") and not lost:
            (lost_job,) = server.jobs.values()
            lost.append(lost_job.id)
            lost_job.package = b""

    server.on_call = throw_away
    source = source_of(server, tmp_path)
    with pytest.raises(SourceUnreachable, match="no more"):
        read(source, outside=outside)
    rows = read(source, outside=outside)

    assert rows.height == 1
    assert len(server.jobs) == 2


@pytest.mark.parametrize("fails", ["PACKAGE CREATION FAILED", "error"])
def test_a_failed_job_is_a_fault_and_the_next_attempt_asks_anew(fails: str, tmp_path: Path) -> None:
    outside = replace(LOOPBACK, book=Memory())
    with sharedo(fails=fails, fails_first=1) as server:
        source = source_of(server, tmp_path)
        with pytest.raises(SourceUnreachable, match="made no package"):
            read(source, outside=outside)
        rows = read(source, outside=outside)

    assert rows.height == 1
    assert len(server.jobs) == 2


def test_a_damaged_package_is_refused_and_asked_for_anew(tmp_path: Path) -> None:
    book = Memory()
    with sharedo(damaged=True) as server, pytest.raises(SourceUnreachable, match="no package it can have meant"):
        read(source_of(server, tmp_path), outside=replace(LOOPBACK, book=book))

    assert book.states == {}


def test_a_package_over_its_limit_is_not_read(server: ShareDo, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="max_package_bytes"):
        read(source_of(server, tmp_path, max_package_bytes="1000"))


@pytest.mark.parametrize("name", ["../evil.json", "/etc/passwd", "data/../../x"])
def test_a_package_with_names_that_leave_it_is_refused(name: str, tmp_path: Path) -> None:
    with (
        sharedo(extra_entries={name: b"x"}) as server,
        pytest.raises(SourceUnreachable, match="no package it can have meant"),
    ):
        read(source_of(server, tmp_path))


def test_an_unknown_client_is_refused_and_its_secret_is_not_told(server: ShareDo, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="gives no token") as error:
        read(source_of(server, tmp_path, secret="nobody:hunter2"))

    assert "hunter2" not in error.value.message


@pytest.mark.parametrize("secret", [f"{CLIENT}:{SECRET}", "nobody:hunter2"])
def test_a_server_that_repeats_what_it_was_sent_is_not_quoted(secret: str, tmp_path: Path) -> None:
    with sharedo(is_chatty=True) as server, pytest.raises(SourceRefused) as error:
        read(source_of(server, tmp_path, secret=secret))

    shown = base64.b64encode(secret.encode()).decode()
    assert not [each for each in (shown, "token-1", "You sent", "Not Basic") if each in error.value.message]


def test_no_address_inside_is_called_unless_the_operator_allows_it(server: ShareDo, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="a loopback address"):
        read(source_of(server, tmp_path), outside=Outside())

    assert server.calls == []


def test_a_cancelled_export_cancels_its_job(server: ShareDo, tmp_path: Path) -> None:
    def leave(*, is_cancelled: bool, jobs: int) -> None:
        outside = replace(LOOPBACK, book=Memory(), is_cancelled=lambda: is_cancelled)
        with connect(source_of(server, tmp_path), outside=outside).open() as reading:
            for _ in reading.batches(MATTER, {}, key=KEY):
                if len(server.jobs) == jobs and all(job.looks for job in server.jobs.values()):
                    raise KeyError

    server.quirks.looks = 1_000_000
    for jobs, is_cancelled in enumerate((False, True), 1):
        with pytest.raises(KeyError):
            leave(is_cancelled=is_cancelled, jobs=jobs)

    # The one whose export only had to stop goes on.
    assert [job.is_cancelled for job in server.jobs.values()] == [False, True]


def test_a_cancelled_export_waits_for_no_turn_to_cancel_its_job(server: ShareDo, tmp_path: Path) -> None:
    class Used:
        """A rate limit that is used up once the job is followed."""

        def take(self) -> float:
            return 3600.0 if any(job.looks for job in server.jobs.values()) else 0.0

        def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
            raise AssertionError

    server.quirks.looks = 1_000_000
    outside = replace(LOOPBACK, book=Memory(), is_cancelled=lambda: True, calls=Used())
    with (
        pytest.raises(KeyError),
        connect(source_of(server, tmp_path), outside=outside).open() as reading,
    ):
        for _ in reading.batches(MATTER, {}, key=KEY):
            if any(job.looks for job in server.jobs.values()):
                raise KeyError

    assert [job.is_cancelled for job in server.jobs.values()] == [True]


def test_a_trial_tells_whether_the_token_is_taken(server: ShareDo, tmp_path: Path) -> None:
    good = check.test(source_of(server, tmp_path), replace(LOOPBACK, is_glance=True))
    bad = check.test(source_of(server, tmp_path, secret="nobody:x"), replace(LOOPBACK, is_glance=True))

    assert [each.is_ok for each in good] == [True, True]
    assert [each.is_ok for each in bad] == [True, False]
    assert server.jobs == {}


def test_a_preview_makes_the_server_export_nothing(server: ShareDo, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="Ask for the export"):
        read(source_of(server, tmp_path), outside=replace(LOOPBACK, is_glance=True))

    assert server.calls == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "https://a.example"}, "identity_url"),
        ({"url": "https://u:p@a.example", "identity_url": "https://i.example"}, "without user"),
        ({"url": "https://a.example/../x", "identity_url": "https://i.example"}, "dots"),
        ({"url": "https://a.example", "identity_url": "https://i.example", "secret": "x"}, "has no 'secret'"),
        ({"url": "https://a.example", "identity_url": "https://i.example", "user_provider": "x"}, "goes with user"),
    ],
)
def test_options_that_can_not_be_meant_are_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        check_options("remote", options)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"remote": {"kind": "worktype", "name": {"parameter": "nope"}}, "key": ["provider"]}, "is no parameter"),
        ({"remote": {"kind": "worktype", "name": "matter"}, "key": ["colour"]}, "is none of number"),
        ({"remote": {"kind": "worktype", "name": "a"}, "query": "SELECT 1", "key": ["number"]}, "exactly one of"),
        ({"query": "SELECT 1", "key": ["a"], "attachments": {"remote": {"files": "package"}}}, "asked by `remote`"),
    ],
)
def test_a_profile_says_what_a_remote_source_can_do(asked: dict[str, Any], said: str) -> None:
    document = {
        "profile": "setup", "type": "setup", "title": "Setup", "formats": ["csv"], "source": {"name": "uat", **asked},
        "columns": [{"name": "Name", "from": "system_name", "type": "string"}],
    }  # fmt: skip

    assert said in " ".join(each.detail for each in profile_checks.faults_of(document))


def test_another_way_of_asking_is_refused_with_the_mend(server: ShareDo, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"source\.query.*source\.remote"):
        read(source_of(server, tmp_path), Selection(query="SELECT 1"))
