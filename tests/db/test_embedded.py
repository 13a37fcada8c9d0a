"""The embedded server starts again whatever killed the last one, wherever its files lie, and dies with its starter."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lading.db import cluster
from lading.db.embedded import EmbeddedServer
from lading.errors import DatabaseUnavailable, DataDirectoryUnusable

START = (
    "import sys, pathlib; from lading.db.embedded import EmbeddedServer\n"
    "server = EmbeddedServer(pathlib.Path(sys.argv[1])); server.start()\n"
    "print(server.pid, flush=True); sys.stdin.read(); server.stop()"
)


# Runs the rest of its arguments as root of a user namespace in which no further one can be opened, as in a container.
CONTAINER = """
import ctypes, os, sys
said, heard = os.pipe()
go, mapped = os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    os.write(heard, b"x")
    os.read(go, 1)
    open("/proc/sys/user/max_user_namespaces", "w").write("0")
    os.execv(sys.argv[1], sys.argv[1:])
os.read(said, 1)
for kind in ("uid", "gid"):
    open(f"/proc/{child}/{kind}_map", "w").write("0 0 65536")
os.write(mapped, b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a cluster that is stopped, with one table in it; shared, because making one takes a second."""
    path = tmp_path_factory.mktemp("embedded") / "pg"
    server = EmbeddedServer(path)
    server.start()
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    return path


@pytest.fixture
def stopped(directory: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(directory)
    yield server
    server.stop()


@pytest.fixture
def starter(directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Another process that runs the server, and the server's process id."""
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    yield process, pid
    process.kill()
    process.communicate()


def answer(server: EmbeddedServer) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    assert row is not None
    return row[0]


def test_the_data_is_there_after_a_stop(stopped: EmbeddedServer) -> None:
    stopped.start()

    assert answer(stopped) == 42


def test_it_starts_again_after_kill_9_of_the_server(stopped: EmbeddedServer) -> None:
    stopped.start()
    assert stopped.pid is not None
    os.kill(stopped.pid, signal.SIGKILL)

    stopped.start()

    assert answer(stopped) == 42


def test_it_starts_again_after_kill_9_of_its_starter(
    starter: tuple[subprocess.Popen[bytes], int], stopped: EmbeddedServer
) -> None:
    starter[0].kill()

    stopped.start()

    assert answer(stopped) == 42
    assert stopped.pid != starter[1]


def test_it_starts_again_after_kill_9_of_both(
    starter: tuple[subprocess.Popen[bytes], int], stopped: EmbeddedServer
) -> None:
    starter[0].kill()
    os.kill(starter[1], signal.SIGKILL)

    stopped.start()

    assert answer(stopped) == 42


def test_it_dies_with_its_starter(starter: tuple[subprocess.Popen[bytes], int], directory: Path) -> None:
    watch = os.pidfd_open(starter[1])

    starter[0].kill()

    with os.fdopen(watch):  # readable once the process has ended
        assert select.select([watch], [], [], 30)[0]
    assert cluster.users(directory / "cluster") == set()


def test_another_process_finds_the_running_server(
    starter: tuple[subprocess.Popen[bytes], int], directory: Path
) -> None:
    assert answer(EmbeddedServer(directory)) == 42


def test_a_recycled_process_id_does_not_block_the_start(stopped: EmbeddedServer, directory: Path) -> None:
    socket_directory = cluster.private_socket_directory(directory)
    (directory / "cluster" / "postmaster.pid").write_text(
        f"{os.getppid()}\n{directory}/cluster\n1\n5432\n{socket_directory}\n\n"
    )
    (socket_directory / ".s.PGSQL.5432.lock").write_text(f"{os.getppid()}\n")

    stopped.start()

    assert answer(stopped) == 42


def test_variables_meant_for_other_servers_do_not_matter(
    stopped: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "6000", "PGHOST": "db.example.org", "PGDATA": "/nowhere", "LC_ALL": "xx_XX"}.items():
        monkeypatch.setenv(name, value)

    stopped.start()

    assert answer(stopped) == 42


def test_long_paths_leave_a_socket_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("r" * 150)))
    deep = tmp_path / ("d" * 120) / "pg"

    server = EmbeddedServer(deep)
    server.start()
    try:
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()


def test_a_socket_directory_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    first, second, *_ = cluster.socket_candidates(tmp_path / "pg")
    first.mkdir(mode=0o755)

    try:
        assert cluster.private_socket_directory(tmp_path / "pg") == second
    finally:
        first.rmdir()


def test_a_cluster_of_another_version_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("17\n")

    with pytest.raises(DataDirectoryUnusable, match="made by PostgreSQL 17, this Lading brings 18"):
        EmbeddedServer(tmp_path).start()
    assert [file.name for file in (tmp_path / "cluster").iterdir()] == ["PG_VERSION"]


def test_a_lost_password_is_named(stopped: EmbeddedServer, directory: Path) -> None:
    file = directory / "password"
    kept = file.read_text()
    file.unlink()

    with pytest.raises(DataDirectoryUnusable, match="password of the database beside it, can't be read"):
        stopped.start()
    file.write_text("another")
    with pytest.raises(DataDirectoryUnusable, match="is not the password of the database beside it"):
        stopped.start()
    assert stopped.pid is None
    file.write_text(kept)


def test_a_server_that_gives_up_says_why(stopped: EmbeddedServer, directory: Path) -> None:
    settings = directory / "cluster" / "postgresql.auto.conf"
    settings.write_text("shared_buffers = 'a lot'\n")

    with pytest.raises(DatabaseUnavailable, match=r"did not start: .*contains errors .see .*postgres.log"):
        stopped.start()
    settings.write_text("")


def test_a_start_that_was_killed_while_making_the_cluster_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "pg" / "cluster.new").mkdir(parents=True)
    (tmp_path / "pg" / "cluster.new" / "PG_VERSION").write_text("18\n")
    (tmp_path / "pg" / "password").write_text("of the killed one")

    server = EmbeddedServer(tmp_path / "pg")
    server.start()
    server.stop()

    assert not (tmp_path / "pg" / "cluster.new").exists()


@pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root needs another user to run PostgreSQL"
)
def test_root_of_a_container_without_user_namespaces_can_run_it_below_a_private_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    for _ in range(2):
        command = [sys.executable, "-c", CONTAINER, sys.executable, "-c", START, str(tmp_path / "pg")]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0


def test_the_log_holds_no_statement_and_no_row(server: EmbeddedServer) -> None:  # O16: secrets redacted everywhere
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE people (name text PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES ('planted-row')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('planted-row')")
        with pytest.raises(psycopg.Error):
            connection.execute("CREATE ROLE lading PASSWORD 'planted-secret'")

    log = (server.directory / "postgres.log").read_text("utf-8")

    assert "people_pkey" in log
    assert "planted" not in log
