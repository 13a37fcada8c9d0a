"""`lading up` starts on whatever a killed one left, refuses what can't work with one sentence, and ends clean."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest

from lading.db.embedded import EmbeddedServer
from tests.flow.conftest import environment


def family(pid: int) -> dict[str, psutil.Process]:
    """Return the processes of a tree by what they are."""
    found: dict[str, psutil.Process] = {}
    for process in psutil.Process(pid).children():
        try:
            command = process.cmdline()
        except psutil.Error:
            continue  # it ended while we looked
        if "server" in command:
            found["api"] = process
        elif "worker" in command:
            found[f"worker {len(found)}"] = process
        elif any("postgres" in word for word in command):
            found["database"] = process
    return found


def me(up, token=None) -> int:
    answer = httpx2.get(
        f"{up.url}/api/v1/me", headers={"Authorization": f"Bearer {token or up.token}"}, trust_env=False, timeout=120
    )
    return answer.status_code


def left_over(data_dir: Path) -> list[psutil.Process]:
    """Return what has to do with the data directory and does not end; children of what was killed take a while."""
    return psutil.wait_procs(_concerned(data_dir), timeout=60)[1]


def _concerned(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["environ", "cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        values = (process.info["environ"] or {}).get("LADING_DATA_DIR", "")
        if str(data_dir) in words or values == str(data_dir):
            found.append(process)
    return found


def test_the_admin_token_is_shown_once_and_works_again_after_a_restart(up) -> None:
    first = up()
    assert first.token is not None
    assert me(first) == 200
    assert first.stop() == 0

    second = up()

    assert second.token is None
    assert me(second, first.token) == 200


def test_ctrl_c_ends_every_process(up) -> None:
    tree = up("--workers", "2")
    assert sorted(name.split()[0] for name in family(tree.process.pid)) == ["api", "database", "worker", "worker"]

    assert tree.stop(signal.SIGINT) == 0

    assert left_over(tree.data_dir) == []
    assert tree.lines[-1] == "Lading has stopped."


def test_a_second_ctrl_c_kills_what_does_not_end(up) -> None:
    tree = up()
    frozen = next(process for name, process in family(tree.process.pid).items() if name.startswith("worker"))
    frozen.suspend()
    tree.process.send_signal(signal.SIGINT)
    tree.line("Ctrl-C again kills")

    assert tree.stop(signal.SIGINT) == 0

    assert left_over(tree.data_dir) == []


def test_another_admin_token_can_be_had_while_it_runs(up, lading) -> None:
    tree = up()

    done = lading("up", "--new-admin-token", data_dir=tree.data_dir)

    assert done.returncode == 0, done.stderr
    token = next(line.strip() for line in done.stdout.splitlines() if line.strip().startswith("ldg_"))
    assert me(tree, token) == 200


@pytest.mark.parametrize("victim", ["api", "database", "worker"])
def test_what_dies_is_started_again(up, victim: str) -> None:
    tree = up()
    before = family(tree.process.pid)
    name = next(name for name in before if name.startswith(victim))

    before[name].kill()

    tree.line(r"starts again")
    if victim == "api":
        assert me(tree) == 200  # the socket was never closed: the request waits for the new process
    tree.stop()
    assert left_over(tree.data_dir) == []


def test_kill_9_of_the_supervisor_ends_the_others_and_the_next_start_works(up) -> None:
    first = up()
    others = list(family(first.process.pid).values())

    first.process.kill()

    psutil.wait_procs(others, timeout=120)
    assert [process for process in others if process.is_running()] == []
    second = up()
    assert me(second, first.token) == 200


def test_it_starts_again_after_kill_9_of_everything_at_once(up) -> None:
    first = up()
    everybody = [
        first.process.pid,
        *(process.pid for process in psutil.Process(first.process.pid).children(recursive=True)),
    ]
    for pid in everybody:
        with contextlib.suppress(ProcessLookupError):  # the kernel ends the children of a killed supervisor, too
            os.kill(pid, signal.SIGKILL)

    second = up()

    assert me(second, first.token) == 200


def test_a_port_in_use_is_refused_before_anything_is_made(lading, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = lading("up", data_dir=tmp_path / "data", LADING_PORT=str(port))

    assert done.returncode == 11
    assert f"Port {port} on 127.0.0.1 is in use" in done.stderr
    assert "LADING_PORT" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("options", "reason"), [("size=8m", "is full"), ("ro", "read-only")])
def test_a_disk_that_is_full_or_read_only_is_refused(tmp_path: Path, options: str, reason: str) -> None:
    command = f'mount -t tmpfs -o {options} none "$0" && exec "$1" -m lading.cli up'
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", command, str(tmp_path), sys.executable]

    done = subprocess.run(words, env=environment(tmp_path / "data", {}), capture_output=True, text=True, check=False)

    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this machine allows no private mounts: {done.stderr.strip()}")
    assert done.returncode == 11, done.stderr
    assert reason in done.stderr
    assert done.stdout == ""


def test_a_directory_in_use_is_refused_with_the_address_of_its_owner(up, lading) -> None:
    tree = up()

    done = lading("up", data_dir=tree.data_dir)

    assert done.returncode == 11
    assert f"process {tree.process.pid} at {tree.url}" in done.stderr


def test_a_database_newer_than_the_code_is_refused_untouched(lading, database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'future', 'x')")

    done = lading("up", data_dir=tmp_path / "data", LADING_DATABASE_URL=database_url)

    assert done.returncode == 11
    assert "schema version 9999" in done.stderr


def test_a_database_that_is_down_or_refuses_the_login_is_named_without_its_password(
    lading, server: EmbeddedServer, tmp_path: Path
) -> None:
    down = "postgresql://lading:geheim@127.0.0.1:1/lading"
    refused = server.url(password="geheim")

    for url in (down, refused):
        done = lading("up", data_dir=tmp_path / "data", LADING_DATABASE_URL=url)

        assert done.returncode == 11, done.stderr
        assert "can't be used" in done.stderr
        assert "LADING_DATABASE_URL" in done.stderr
        assert "geheim" not in done.stdout + done.stderr


def test_settings_that_make_no_sense_are_refused_by_name(lading, tmp_path: Path) -> None:
    for name, value in {
        "LADING_PORT": "eighty",
        "LADING_HOST": "no.such.host.invalid",
        "LADING_HEARTBEAT_SECONDS": "29",
    }.items():
        done: subprocess.CompletedProcess[str] = lading("up", data_dir=tmp_path / "data", **{name: value})

        assert done.returncode == 11
        assert name in done.stderr
    assert not (tmp_path / "data").exists()
