"""A hostile list of attachments reads no file outside the allowed directory, and ends no export."""  # P11

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from lading.artifacts.confined import open_below
from lading.errors import StorageFailed
from lading.exports.attachments import locate, rows


def listed(path: str | None) -> Mapping[str, str | None]:
    return {"attachment_id": "1", "path": path, "file_name": "a.txt", "date": "2025-03-04", "type": "scan"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret", "utf-8")
    made = tmp_path / "attachments"
    (made / "2025").mkdir(parents=True)
    (made / "2025" / "a.txt").write_text("hello", "utf-8")
    return made


def test_a_file_below_the_directory_is_found_under_its_month(directory: Path) -> None:
    found = locate([listed("2025/a.txt")], directory)

    assert [file.name for file in found.files] == ["attachments/2025-03/scan/a.txt"]


@pytest.mark.parametrize("path", ["../secret", "2025/../../secret", "link", "folder/secret"])
def test_a_path_that_leaves_the_directory_is_left_out(directory: Path, path: str) -> None:
    (directory / "link").symlink_to(directory.parent / "secret")
    (directory / "folder").symlink_to(directory.parent)

    found = locate([listed(path)], directory)

    assert (found.files, found.outside) == ((), 1)


@pytest.mark.parametrize("path", ["loop", "a" * 300, "a/" * 5000, "a\0b", "fifo", "2025", "2025/a.txt/b", "", None])
def test_a_path_that_names_no_file_counts_as_missing(directory: Path, path: str | None) -> None:
    (directory / "loop").symlink_to("pool")
    (directory / "pool").symlink_to("loop")
    os.mkfifo(directory / "fifo")

    found = locate([listed(path)], directory)

    assert (found.files, found.missing) == ((), 1)


@pytest.mark.parametrize("days", [106_385_000, -800_000])
def test_a_date_that_no_calendar_of_ours_holds_is_no_date(directory: Path, days: int) -> None:
    columns = {name: pa.array(["1"]) for name in ("attachment_id", "path", "file_name", "type")}
    batch = pa.RecordBatch.from_pydict({**columns, "path": ["2025/a.txt"], "date": pa.array([days], pa.date32())})

    found = locate(rows(batch), directory)

    assert [file.name for file in found.files] == ["attachments/undated/1/1"]


def test_a_link_put_in_place_after_the_look_is_not_followed(directory: Path) -> None:
    (file,) = locate([listed("2025/a.txt")], directory).files
    (directory / "2025" / "a.txt").unlink()
    (directory / "2025" / "a.txt").symlink_to(directory.parent / "secret")

    with pytest.raises(OSError, match="symbolic links"):
        open_below(directory.resolve(), file.path)


def test_a_folder_swapped_for_a_link_after_the_look_is_not_followed(directory: Path) -> None:
    (file,) = locate([listed("2025/a.txt")], directory).files
    (directory / "2025").rename(directory / "old")
    (directory.parent / "a.txt").write_text("secret", "utf-8")
    (directory / "2025").symlink_to(directory.parent)

    with pytest.raises(OSError, match=r"directory|symbolic links"):
        open_below(directory.resolve(), file.path)


def test_a_pipe_put_in_place_after_the_look_holds_nobody_up(directory: Path) -> None:
    (file,) = locate([listed("2025/a.txt")], directory).files
    file.path.unlink()
    os.mkfifo(file.path)

    with pytest.raises(StorageFailed, match="not a file"):
        open_below(directory.resolve(), file.path)


def test_a_packed_attachment_is_opened_below_its_directory_only(directory: Path) -> None:
    (file,) = locate([listed("2025/a.txt")], directory).files

    assert file.below == directory.resolve()
    with open_below(file.below, file.path) as opened:
        assert opened.read() == b"hello"


def test_files_of_the_same_name_are_numbered(directory: Path) -> None:  # P11
    names = [file.name for file in locate([listed("2025/a.txt")] * 3, directory).files]

    assert names == [f"attachments/2025-03/scan/{name}" for name in ("a.txt", "a_2.txt", "a_3.txt")]
