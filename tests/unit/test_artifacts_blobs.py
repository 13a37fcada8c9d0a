"""A blob is whole under its name or not there, and the store's folder is never left."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lading.artifacts.blobs import BlobStore, storing
from lading.errors import StorageFailed, StorageFull


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def files(store: BlobStore) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


def test_a_blob_reads_back_as_written(store: BlobStore) -> None:
    with store.writer("ten_1/exp_2/report.csv") as file:
        file.write(b"hello ")
        file.write(b"world")

    assert store.open("ten_1/exp_2/report.csv").read() == b"hello world"
    assert store.size("ten_1/exp_2/report.csv") == 11
    assert store.digest("ten_1/exp_2/report.csv") == hashlib.sha256(b"hello world").hexdigest()
    assert store.path("ten_1/exp_2/report.csv").stat().st_mode & 0o777 == 0o600
    assert store.root.stat().st_mode & 0o777 == 0o700
    assert files(store) == ["ten_1/exp_2/report.csv"]


def test_a_writer_that_fails_leaves_nothing(store: BlobStore) -> None:
    with pytest.raises(KeyError), store.writer("a/b") as file:
        file.write(b"x" * 3_000_000)
        raise KeyError

    assert files(store) == []
    assert not store.exists("a/b")


def test_a_blob_has_no_name_before_it_is_whole(store: BlobStore) -> None:
    with store.writer("a/b") as file:
        file.write(b"x" * 3_000_000)
        assert not store.exists("a/b")
        assert Path(str(file.name)).parent.name == ".tmp"

    assert store.exists("a/b")


def test_a_failed_rewrite_keeps_the_old_blob(store: BlobStore) -> None:
    with store.writer("a") as file:
        file.write(b"old")

    with pytest.raises(KeyError), store.writer("a") as file:
        file.write(b"new")
        raise KeyError

    assert store.open("a").read() == b"old"


def test_a_killed_writer_leaves_no_name(store: BlobStore) -> None:
    program = (
        "import sys, pathlib; from lading.artifacts.blobs import BlobStore\n"
        "with BlobStore(pathlib.Path(sys.argv[1])).writer('a/b') as file:\n"
        "    file.write(bytes(3_000_000)); print('half', flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"half\n"
    child.kill()
    child.communicate()

    assert not store.exists("a/b")
    assert store.clear_temporary(older_than_seconds=-1) == 1
    assert files(store) == []


def test_a_header_can_be_written_again(store: BlobStore) -> None:
    with store.writer("a") as file:
        file.write(b"....tail")
        file.seek(0)
        file.write(b"head")

    assert store.open("a").read() == b"headtail"


@pytest.mark.parametrize(
    "key", ["", "/", "a//b", "../a", "a/../b", "a/.hidden", ".tmp/x", "/etc/passwd", "a\\b", "æ", "a\0", "a" * 128]
)
def test_a_key_never_leaves_the_folder(store: BlobStore, key: str) -> None:
    with pytest.raises(ValueError, match="is not a blob key"):
        store.path(key)


def test_a_full_disk_is_storage_full_and_leaves_nothing(small_disk: Path) -> None:
    store = BlobStore(small_disk / "blobs")

    with pytest.raises(StorageFull, match=r"No space is left at .*free some"), store.writer("a/b") as file:
        for _ in range(40):
            file.write(b"x" * 100_000)

    assert files(store) == []
    assert store.free_bytes() > 900_000


def test_a_disk_that_fills_at_the_last_flush_is_storage_full(small_disk: Path) -> None:
    store = BlobStore(small_disk / "blobs")
    (small_disk / "ballast").write_bytes(b"x" * 900_000)

    with pytest.raises(StorageFull), store.writer("a/b") as file:
        file.write(b"x" * 500_000)  # stays in the buffer until the end

    assert files(store) == []


def test_a_blob_that_is_missing_is_storage_failed(store: BlobStore) -> None:
    with pytest.raises(StorageFailed, match="No such file"):
        store.open("a/b")


def test_other_faults_are_storage_failed(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")

    with pytest.raises(StorageFailed), BlobStore(tmp_path / "blobs").writer("a"):
        pass


def test_a_quota_counts_as_a_full_disk() -> None:
    with pytest.raises(StorageFull), storing(Path("/x/y")):
        raise OSError(122, "Disk quota exceeded")


def test_deleting_is_idempotent_and_removes_empty_folders(store: BlobStore) -> None:
    for key in ("t/e1/a", "t/e1/b", "t/e11/a"):
        with store.writer(key) as file:
            file.write(b"x")

    store.delete_prefix("t/e1")
    store.delete_prefix("t/e1")
    store.delete("t/nothing")

    assert files(store) == ["t/e11/a"]
    assert not (store.root / "t/e1").exists()


def test_what_a_crash_left_is_cleared_by_age(store: BlobStore) -> None:
    with store.writer("a") as file:
        file.write(b"x")
    (store.root / ".tmp" / "1-dead").write_bytes(b"half")

    assert store.clear_temporary(older_than_seconds=3600) == 0
    assert store.clear_temporary(older_than_seconds=-1) == 1
    assert files(store) == ["a"]


def test_writing_beside_a_deleting_neighbour_never_fails(store: BlobStore) -> None:
    def write(number: int) -> None:
        try:
            for turn in range(40):
                with store.writer(f"t/e/{number}") as file:
                    file.write(b"%d" % turn)
                store.delete(f"t/e/{number}")
        except Exception as error:  # noqa: BLE001 - carried to the test's thread
            faults.append(error)

    faults: list[Exception] = []
    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert files(store) == []
