"""Lading on a PostgreSQL that is not ours: Debian's server, reached by LADING_DATABASE_URL alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from lading.db import launch

PASSWORD = "only-for-this-test"


def newest_binaries() -> Path | None:
    folders = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return max((path.parent for path in folders), key=lambda path: int(path.parent.name), default=None)


@pytest.fixture(scope="module")
def debian_url() -> Iterator[str]:
    """The URL of a running server of Debian's; in CI its absence is a failure, elsewhere a loud skip."""
    binaries = newest_binaries()
    if binaries is None:
        sentence = "Debian's PostgreSQL is not installed; .ci/run as root installs it (apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        warnings.warn(sentence, stacklevel=1)
        pytest.skip(sentence)
    # Not below tmp_path: its length would not leave room for the socket's name.
    with tempfile.TemporaryDirectory(prefix="lading-debian-") as folder, serving(binaries, Path(folder)) as process:
        yield url(Path(folder), process)


@contextmanager
def serving(binaries: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a fresh server in `folder`."""
    (folder / "password").write_text(PASSWORD)
    initdb = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "lading", "-E", "UTF8", "--locale=C.UTF-8"]
    initdb += ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
    subprocess.run([sys.executable, "-I", launch.__file__, "--ordinary", *initdb], check=True, capture_output=True)
    server = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    server += ["-c", "listen_addresses=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        following = [sys.executable, "-I", launch.__file__, "--follow", "INT", "--ordinary"]
        process = subprocess.Popen([*following, *server], stdout=log, stderr=log)
    yield process
    process.send_signal(signal.SIGINT)
    process.wait(120)


def url(folder: Path, process: subprocess.Popen[bytes]) -> str:
    maintenance = f"postgresql://lading:{PASSWORD}@/postgres?host={folder}"
    while True:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            with psycopg.connect(maintenance, autocommit=True) as connection:
                connection.execute("CREATE DATABASE lading")
                break
        except psycopg.OperationalError:
            continue
    return f"postgresql://lading:{PASSWORD}@/lading?host={folder}"


def test_up_runs_on_debians_postgresql(up, debian_url: str) -> None:
    tree = up(LADING_DATABASE_URL=debian_url)

    assert tree.token is not None
    assert not (tree.data_dir / "pg").exists()
    assert tree.stop() == 0


def test_a_whole_export_runs_on_debians_postgresql(lading, debian_url: str, tmp_path: Path) -> None:
    arguments = ["--organisation", "skog", "--format", "csv", "--period", "2025", "--output", str(tmp_path / "out")]

    done = lading("demo", *arguments, data_dir=tmp_path / "data", LADING_DATABASE_URL=debian_url)

    assert done.returncode == 0, done.stderr
    package = Path(done.stdout.splitlines()[-1])
    assert "manifest.json" in zipfile.ZipFile(package).namelist()
