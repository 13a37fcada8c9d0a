"""A data directory has one owner, can be written and has room; otherwise one sentence says what to do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lading.db.directory import DataDirectory, Owner, owner
from lading.errors import DataDirectoryUnusable

# Acquires the directory it is told, says so, and stays until it is killed.
HOLD = (
    "import sys, pathlib; from lading.db.directory import DataDirectory\n"
    "held = DataDirectory(pathlib.Path(sys.argv[1])); held.acquire(); held.announce('http://127.0.0.1:1')\n"
    "print('held', flush=True); sys.stdin.read()"
)
ACQUIRE = (
    "import sys, pathlib; from lading.db.directory import DataDirectory; from lading.errors import LadingError\n"
    "try: DataDirectory(pathlib.Path(sys.argv[1])).acquire()\n"
    "except LadingError as error: print(error)"
)


def hold(path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def acquire_on(mount: str, path: Path) -> str:
    """Return the sentence of a refused acquire on a file system mounted for this test alone."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    command += [f'{mount} && exec "$0" -c "$2" "$1"/data', sys.executable, str(path), ACQUIRE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this machine allows no private mounts: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_directory_in_use_is_refused_with_the_process_and_the_address(tmp_path: Path) -> None:
    holder = hold(tmp_path / "data")

    with pytest.raises(DataDirectoryUnusable, match=rf"process {holder.pid} at http://127.0.0.1:1\); stop that one"):
        DataDirectory(tmp_path / "data").acquire()
    assert owner(tmp_path / "data") == Owner(holder.pid, "http://127.0.0.1:1")
    holder.communicate()


def test_a_killed_owner_leaves_the_directory_free(tmp_path: Path) -> None:
    holder = hold(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()

    with DataDirectory(tmp_path):
        assert owner(tmp_path) == Owner(os.getpid(), None)
    assert owner(tmp_path) is None


def test_a_directory_that_is_made_is_private(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "a" / "data"):
        assert (tmp_path / "a" / "data").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_directory_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(DataDirectoryUnusable, match=r"data can't be used .* choose another place with LADING_DATA_DIR"):
        DataDirectory(tmp_path / "data").acquire()


def test_too_little_room_is_refused_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryUnusable, match=r"is full: .* make room"):
        DataDirectory(tmp_path / "data", minimum_free_bytes=shutil.disk_usage(tmp_path).total * 2).acquire()
    assert not (tmp_path / "data").exists()


def test_a_small_disk_is_refused(tmp_path: Path) -> None:
    sentence = acquire_on('mount -t tmpfs -o size=8m none "$1"', tmp_path)

    assert "is full: 8 MiB are free, Lading needs 256 MiB to start; make room" in sentence


def test_a_read_only_directory_is_refused(tmp_path: Path) -> None:
    sentence = acquire_on('mount -t tmpfs -o ro none "$1"', tmp_path)

    assert "read-only for this user; make it writable, or choose another place with LADING_DATA_DIR." in sentence
