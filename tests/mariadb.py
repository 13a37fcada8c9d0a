"""A real MariaDB for the tests: Debian's server on a free port, with nothing of this machine in it."""

from __future__ import annotations

import functools
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pymysql
import pytest


@dataclass(frozen=True)
class MariaDb:
    """A running server; `reader` may only read `traps`."""

    port: int
    socket: str
    process: subprocess.Popen[bytes]

    def admin(self) -> Any:
        return pymysql.connect(unix_socket=self.socket, user="root", password="", charset="utf8mb4", autocommit=True)

    def url(
        self, *, user: str = "reader", password: str = "hunter2", database: str = "traps", port: int | None = None
    ) -> str:
        return f"mysql://{user}:{password}@127.0.0.1:{port or self.port}/{database}"

    def clean(self) -> None:
        """Leave one empty database and one login."""
        with self.admin() as connection, connection.cursor() as cursor:
            for statement in (
                "DROP DATABASE IF EXISTS traps",
                "CREATE DATABASE traps CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                "CREATE OR REPLACE USER reader@'%' IDENTIFIED BY 'hunter2'",
                "GRANT SELECT ON traps.* TO reader@'%'",
            ):
                cursor.execute(statement)


def require() -> None:
    """Skip, and say how to have it, where MariaDB is not installed."""
    if which("mariadbd") is None or which("mariadb-install-db") is None:
        pytest.skip("MariaDB is not installed; run: apt-get install mariadb-server")


@contextmanager
def running() -> Iterator[MariaDb]:
    """Start a server in a temporary folder and end it."""
    require()
    with tempfile.TemporaryDirectory(prefix="lading-mariadb-", ignore_cleanup_errors=True) as folder:
        base = Path(folder)
        common = [f"--datadir={base / 'data'}", "--user=root"]
        subprocess.run(
            [
                "mariadb-install-db", "--no-defaults", *common, "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True, capture_output=True, timeout=200,
        )  # fmt: skip
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
        process = subprocess.Popen(
            [
                "mariadbd", "--no-defaults", *common, f"--socket={base / 'sock'}", f"--port={port}",
                "--bind-address=127.0.0.1", f"--pid-file={base / 'pid'}", "--innodb-buffer-pool-size=16M",
                "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        server = MariaDb(port, str(base / "sock"), process)
        try:
            _answers(server)
            yield server
        finally:
            process.terminate()
            process.wait(120)


def _answers(server: MariaDb) -> None:
    until = time.monotonic() + 200
    gate = functools.partial(server.process.wait, 0.1)
    while time.monotonic() < until:
        with suppress(pymysql.Error):
            server.admin().close()
            return
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"mariadbd ended with {gate()}")
    raise AssertionError("mariadbd did not answer within 200 s")
