"""What was asked for is on disk before it is asked, for its owner only, and no damage or crowd makes it lie."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.client import journal as module
from lading.client.journal import Entry, Journal, folder_of
from lading.client.journal_lines import Plan
from lading.client.target import Target
from lading.errors import Conflict, StorageFailed

TARGET = Target("http://lading.test", "ldg_secret_token", "nordlys")
REQUESTS: list[dict[str, Any]] = [{"profile": "bufdir", "parameters": {"a": "æ\n"}}, {"profile": "other"}]


def _plan(key: str = "idm_1", **more: Any) -> Plan:
    return Plan(key, TARGET.url, TARGET.tenant, "nordlys", "/out", 1.0, **more)


def _facts(entry: Entry) -> list[tuple[Any, ...]]:
    return [(each.request, each.number, each.export, each.end, each.path) for each in entry.items]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "journal")


def test_an_entry_comes_back_as_it_was_left(journal: Journal) -> None:  # C1
    with journal.begin("one", _plan(is_batch=True), REQUESTS) as entry:
        entry.accepted(0, "exp_1")
        entry.fetching(0, Path("/out/exp_1"))
        entry.again(1)
        entry.again(1, {"profile": "third"})
        entry.ended(1, "failed")
        left = _facts(entry)

    [found] = [(each.plan, _facts(each)) for each in journal.open()]

    assert found == (_plan(is_batch=True), left)
    assert left == [(REQUESTS[0], 0, "exp_1", None, "/out/exp_1"), ({"profile": "third"}, 2, None, "failed", None)]


def test_only_the_owner_can_read_it_and_no_token_is_in_it(journal: Journal) -> None:  # C1
    entry = journal.begin("one", _plan(), REQUESTS)

    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.folder.stat().st_mode) == 0o700
    assert b"ldg_secret_token" not in entry.path.read_bytes()
    entry.close()


def test_a_plan_knows_its_server_and_its_tenant() -> None:
    plan = _plan()

    assert plan.is_of(Target(TARGET.url, "ldg_rotated", TARGET.tenant), "nordlys")
    assert not plan.is_of(TARGET, "fjord")
    assert not plan.is_of(Target(TARGET.url, TARGET.token, "fjord"), "nordlys")
    assert not plan.is_of(Target("http://elsewhere.test", TARGET.token, TARGET.tenant), "nordlys")


def test_everything_is_synced_before_begin_returns(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:  # C1
    synced: list[tuple[int, int]] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append((os.fstat(file).st_ino, file)), real(file))[1])

    entry = journal.begin("one", _plan(), REQUESTS)
    begun = [inode for inode, _ in synced]
    entry.accepted(0, "exp_1")

    assert begun == [entry.path.stat().st_ino, journal.folder.stat().st_ino]
    assert [inode for inode, _ in synced[2:]] == [entry.path.stat().st_ino]
    entry.close()


def test_two_do_not_work_on_one_entry(journal: Journal) -> None:  # C1
    held = journal.begin("one", _plan(), REQUESTS)

    with pytest.raises(Conflict, match="Another process works on one"):
        journal.begin("one", _plan("idm_2"), REQUESTS)
    assert list(journal.open()) == []
    assert not journal.forget("idm_1")

    held.close()
    assert [each.plan.key for each in journal.open()] == ["idm_1"]


def test_the_lock_falls_with_the_process_that_held_it(journal: Journal) -> None:  # C1
    program = (
        "import os, sys; sys.path[:0] = [sys.argv[2]]; from pathlib import Path; from lading.client.journal import *\n"
        "e = Journal(Path(sys.argv[1])).begin('one', Plan('idm_1', 's', None, '', None, 1.0), [{}])\n"
        "e.accepted(0, 'exp_1'); os.kill(os.getpid(), 9)"
    )
    sources = str(Path(module.__file__).parents[2])
    killed = subprocess.run([sys.executable, "-c", program, str(journal.folder), sources], check=False)

    assert killed.returncode == -9

    assert [each.items[0].export for each in journal.open()] == ["exp_1"]


def test_the_same_batch_begun_again_is_the_same_entry(journal: Journal) -> None:  # C8
    with journal.begin("batch", _plan(), REQUESTS) as entry:
        entry.ended(0, "done")

    with journal.begin("batch", _plan("idm_2"), REQUESTS) as again:
        assert (again.plan.key, again.items[0].end) == ("idm_1", "done")
        again.finish()
    with journal.begin("batch", _plan("idm_2"), REQUESTS) as fresh:
        assert (fresh.plan.key, fresh.items[0].end) == ("idm_2", None)


@given(st.data())
def test_a_damaged_file_is_told_and_never_misread(data: st.DataObject) -> None:  # C1
    import tempfile  # noqa: PLC0415 - a fixture would be shared by all examples

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        with journal.begin("one", _plan(), REQUESTS) as entry:
            entry.accepted(0, "exp_1")
            entry.ended(1, "failed")
        raw = bytearray(entry.path.read_bytes())
        at = data.draw(st.integers(0, len(raw) - 1))
        if data.draw(st.booleans()):
            raw[at] = data.draw(st.integers(0, 255))
        else:
            del raw[at:]
        entry.path.write_bytes(raw)

        for found in journal.open():
            assert found.plan == _plan()
            assert found.items[0].export in {None, "exp_1"}
            assert found.items[1].end in {None, "failed"}
            assert [each.request in ({}, REQUESTS[index]) for index, each in enumerate(found.items)] == [True, True]


def test_a_line_torn_by_a_kill_takes_no_other_with_it(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    with journal.begin("one", _plan(), REQUESTS) as entry:
        entry.accepted(0, "exp_1")
    with entry.path.open("ab") as file:
        file.write(b'\n{"item":1,"exp')
    for found in journal.open():
        found.ended(1, "failed")

    with caplog.at_level(logging.WARNING):
        [again] = journal.open()

    assert (again.damaged, again.items[0].export, again.items[1].end) == (1, "exp_1", "failed")
    assert "1 damaged lines" in caplog.text


def test_what_can_not_be_read_at_all_is_set_aside_and_told(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    journal.begin("one", _plan(), REQUESTS).close()
    (journal.folder / "two.journal").write_text("nonsense\n")
    (journal.folder / "three.journal").symlink_to("/etc/passwd")

    with caplog.at_level(logging.WARNING):
        assert [each.plan.key for each in journal.open()] == ["idm_1"]

    assert "two.journal can't be read" in caplog.text
    assert (journal.folder / "two.damaged").exists()


def test_stale_and_surplus_entries_are_dropped_but_none_that_is_worked_on(tmp_path: Path) -> None:  # C1
    journal = Journal(tmp_path, most_entries=4)
    held = journal.begin("held", _plan("held"), REQUESTS)
    for number in range(6):
        with journal.begin(f"e{number}", _plan(f"e{number}"), REQUESTS) as entry:
            os.utime(entry.path, (time.time() - 100 + number,) * 2)
    os.utime(held.path, (1, 1))
    os.utime(tmp_path / "e5.journal", (1, 1))

    kept = [each.plan.key for each in journal.open()]

    assert kept == ["e3", "e4"]
    assert held.path.exists()
    held.close()
    assert [each.plan.key for each in journal.open()] == ["e3", "e4"]


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageFailed, match="is open to others"):
        Journal(tmp_path / "open").begin("one", _plan(), REQUESTS)
    with pytest.raises(StorageFailed, match="LADING_STATE_DIR"):
        Journal(tmp_path / "file" / "below").begin("one", _plan(), REQUESTS)


def test_a_relative_state_home_is_not_believed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert folder_of({"XDG_STATE_HOME": "here"}) == tmp_path / ".local" / "state" / "lading" / "journal"
