"""What a killed run of tests leaves behind is removed by the next one, which touches no run that lives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from tests import leftovers

_RUN = """
import os, pathlib, subprocess, sys
from tests import leftovers
run = leftovers.begin(pathlib.Path(sys.argv[1]))
base = pathlib.Path(sys.argv[1]) / "pytest-of-me" / "pytest-0" / run.folder.name
base.mkdir(parents=True)
run.keep_base(base)
cluster = run.folder / "pg" / "cluster"
cluster.mkdir(parents=True)
idle = [sys.executable, "-c", "import signal; signal.pause()"]
marked = subprocess.Popen(idle, env={**os.environ, leftovers.MARK: str(run.folder)}, start_new_session=True)
inside = subprocess.Popen(idle, env={}, cwd=cluster, start_new_session=True)
print(run.folder, base, marked.pid, inside.pid, flush=True)
sys.stdin.read()
"""


@dataclass
class Other:
    """Another process that runs tests, and what it started."""

    process: subprocess.Popen[str]
    folder: Path
    base: Path
    workers: list[psutil.Process]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        folder, base, *pids = process.stdout.readline().split()
        made = Other(process, Path(folder), Path(base), [psutil.Process(int(pid)) for pid in pids])
        yield made
        process.kill()
        for worker in made.workers:
            if worker.is_running():
                worker.kill()


def test_what_a_killed_run_left_is_removed_and_whoever_works_for_it_killed(other: Other, tmp_path: Path) -> None:
    other.kill()
    assert all(worker.is_running() for worker in other.workers)

    assert leftovers.sweep(tmp_path) == [other.folder]

    psutil.wait_procs(other.workers, timeout=60)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in other.workers)
    assert not other.folder.exists()
    assert not other.base.exists()
    assert leftovers.sweep(tmp_path) == []


def test_a_run_that_lives_is_not_touched(other: Other, tmp_path: Path) -> None:
    mine = leftovers.begin(tmp_path)

    assert leftovers.sweep(tmp_path) == []

    assert all(worker.is_running() for worker in other.workers)
    assert (other.folder / "pg" / "cluster").is_dir()
    assert mine.end() == []
    assert not mine.folder.exists()
    assert other.folder.is_dir()


def test_the_end_of_a_run_kills_what_its_tests_left_running(tmp_path: Path) -> None:
    mine = leftovers.begin(tmp_path)
    (mine.folder / "data").mkdir()
    idle = [sys.executable, "-c", "import signal; signal.pause()"]
    with subprocess.Popen(idle, cwd=mine.folder / "data", start_new_session=True) as left:
        (told,) = mine.end()
        assert "signal.pause" in told
        left.wait(60)


def test_what_another_put_there_stays(tmp_path: Path) -> None:
    (tmp_path / "lading-test-young").mkdir()
    (tmp_path / "pytest-of-me").mkdir()
    (tmp_path / "elsewhere").mkdir()
    run = leftovers.begin(tmp_path)
    run.keep_base(tmp_path / "elsewhere")  # no directory of pytest's
    os.close(run.lock)

    assert leftovers.sweep(tmp_path) == [run.folder]

    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {
        "lading-test-young",
        "pytest-of-me",
        "elsewhere",
    }
