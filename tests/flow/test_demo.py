"""The demo takes the real path from nothing to a checked package, stops what it started, and refuses by name."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from lading.db.directory import owner
from tests.flow.conftest import environment, start


@pytest.fixture(scope="module")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of a Lading that runs for all tests of this module that only look."""
    tree = start(data_dir=tmp_path_factory.mktemp("demo") / "data")
    yield tree.data_dir
    tree.stop()


def package_of(done: subprocess.CompletedProcess[str]) -> Path:
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def users_of(data_dir: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(data_dir) in " ".join(process.info["cmdline"] or [])
    ]


def test_from_nothing_to_a_checked_package(lading, up, tmp_path: Path) -> None:
    done = lading(
        "demo", "--organisation", "skog", "--format", "csv", "--output", str(tmp_path), data_dir=tmp_path / "data"
    )

    package = package_of(done)
    assert {"manifest.json", "statement.dsse.json"} <= set(zipfile.ZipFile(package).namelist())
    for word in ("rows", "warnings", "files", "ledger", "signed root"):
        assert word in done.stderr
    assert "/5 " in done.stderr  # live progress; a fast stage may be over before it is seen
    assert users_of(tmp_path / "data") == []
    verified = lading("verify", str(package), data_dir=tmp_path / "data")
    assert verified.returncode == 0, verified.stderr
    assert up().token is not None  # the demo did not use up the one time it is shown


@pytest.mark.parametrize(
    ("organisation", "format_"), [("nordlys", "xlsx"), ("fjord", "pdf"), ("skog", "parquet"), ("nordlys", "xml")]
)
def test_a_running_lading_is_used_and_the_same_request_gives_the_same_bytes(  # P12
    lading, running_demo: Path, tmp_path: Path, organisation: str, format_: str
) -> None:
    arguments = ["demo", "--organisation", organisation, "--format", format_, "--output", str(tmp_path)]

    first, second = (lading(*arguments, data_dir=running_demo) for _ in range(2))

    assert package_of(first) != package_of(second)
    assert package_of(first).read_bytes() == package_of(second).read_bytes()
    assert "Starting" not in first.stderr
    assert owner(running_demo) is not None


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--organisation", "havn"),
        ("--format", "docx"),
        ("--period", "2025-13"),
        ("--period", "2025-12-31..2025-01-01"),
        ("--period", "2031"),
    ],
)
def test_bad_input_is_refused_by_name(lading, running_demo, option: str, value: str, tmp_path: Path) -> None:
    done = lading("demo", option, value, "--output", str(tmp_path), data_dir=running_demo)

    assert done.returncode == 2, done.stdout + done.stderr
    assert option.removeprefix("--") in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_period_without_rows_gives_a_report_without_rows_and_says_so(
    lading, running_demo: Path, tmp_path: Path
) -> None:  # P13
    arguments = ["demo", "--format", "csv", "--period", "1999", "--output", str(tmp_path)]

    done = lading(*arguments, data_dir=running_demo)

    assert package_of(done).is_file()
    assert "no row for this period" in done.stderr


def test_whoever_waits_gets_the_package_although_everything_was_killed_and_started_again(up, tmp_path: Path) -> None:
    soon = {"LADING_LEASE_SECONDS": "3", "LADING_HEARTBEAT_SECONDS": "1", "LADING_SWEEP_SECONDS": "0.5"}
    first = up(**soon)
    waiting = subprocess.Popen(
        [sys.executable, "-m", "lading.cli", "demo", "--output", str(tmp_path)],
        env=environment(first.data_dir, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stderr is not None
    next(line for line in waiting.stderr if "/5 " in line)  # it runs

    tree = psutil.Process(first.process.pid)
    for process in [tree, *tree.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    second = up(**soon, LADING_PORT=first.url.rpartition(":")[2])

    shown, told = waiting.communicate(timeout=280)
    assert waiting.returncode == 0, told
    assert zipfile.ZipFile(shown.splitlines()[-1]).testzip() is None
    assert second.token is None


def test_a_foreign_database_that_may_not_be_used_is_refused_untouched(
    lading, server, database_url: str, tmp_path: Path
) -> None:
    role = f"guest_{tmp_path.name.replace('-', '_')}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(Identifier(role)))
    url = server.url(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"], user=role, password="guest")

    done = lading("demo", data_dir=tmp_path / "data", LADING_DATABASE_URL=url)

    assert done.returncode == 11
    assert "unset LADING_DATABASE_URL" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_demo_that_is_told_to_stop_leaves_nothing_running(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lading.cli", "demo", "--output", str(tmp_path)],
        env=environment(tmp_path / "data", {}),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    next(line for line in process.stderr if "Loading" in line)

    process.send_signal(signal.SIGTERM)

    process.stderr.read()
    assert process.wait(120) == 130
    assert users_of(tmp_path / "data") == []
