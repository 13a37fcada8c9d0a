"""A zip of ours has one form, whoever reads it and however its bytes arrived."""  # P12

from __future__ import annotations

import hashlib
import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.artifacts import container
from lading.artifacts.container import Member, Method, directory, local_header
from lading.artifacts.zipwriter import ZipWriter
from lading.errors import StorageFailed

TEXT = b"".join(b"%d;activity;2025-03-%02d\r\n" % (number, number % 28) for number in range(60_000))


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


def write(*files: tuple[str, list[bytes], bool]) -> bytes:
    sink = io.BytesIO()
    writer = ZipWriter(sink)
    for name, chunks, deflate in files:
        writer.add(name, chunks, deflate=deflate)
    assert writer.close() == len(sink.getvalue())
    return sink.getvalue()


@given(st.lists(st.integers(0, 700_000), max_size=8))
def test_the_bytes_do_not_tell_how_they_arrived(sizes: list[int]) -> None:
    assert write(("a.csv", list(cut(TEXT, sizes)), True)) == write(("a.csv", [TEXT], True))


@given(st.lists(st.tuples(st.binary(max_size=2000), st.booleans()), max_size=6))
def test_zipfile_reads_what_was_written(files: list[tuple[bytes, bool]]) -> None:
    written = write(*((f"æ/{number}", [content], deflate) for number, (content, deflate) in enumerate(files)))

    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == [content for content, _ in files]
        assert {info.date_time for info in archive.infolist()} <= {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} <= {0o100644}


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(write(("a.csv", [TEXT], True), ("b/ø.png", [b"\x89PNG"], False), ("c", [], True)))

    tested = subprocess.run(["unzip", "-t", str(tmp_path / "a.zip")], capture_output=True, text=True, check=False)

    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "No errors detected" in tested.stdout


def test_a_member_tells_the_digests_of_both_forms() -> None:
    sink = io.BytesIO()
    member = ZipWriter(sink).add("a.csv", [TEXT], deflate=True)
    start = len(local_header("a.csv", Method.DEFLATE, size=0, stored_size=0, crc=0))
    stored = sink.getvalue()[start : start + member.stored_size]

    assert (member.size, member.sha256) == (len(TEXT), hashlib.sha256(TEXT).hexdigest())
    assert (member.stored_size, member.stored_sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert member.crc == zlib.crc32(TEXT)
    assert zlib.decompress(stored, -15) == TEXT
    assert member.stored_size < member.size / 4


def test_a_file_that_changed_size_while_it_was_packed_is_an_error() -> None:
    with pytest.raises(StorageFailed, match="changed while it was packed: 3 bytes instead of 4"):
        ZipWriter(io.BytesIO()).add("a", [b"abc"], size=4)


def test_a_name_is_taken_once() -> None:
    writer = ZipWriter(io.BytesIO())
    writer.add("a", [b"1"])

    with pytest.raises(ValueError, match="in the zip already"):
        writer.add("a", [b"2"])


def test_a_file_that_was_taken_back_leaves_no_trace() -> None:
    sink = io.BytesIO()
    writer = ZipWriter(sink)
    writer.add("a", [b"1"])
    writer.add("b", [TEXT])
    writer.take_back()
    writer.add("b", [b"2"])
    writer.close()

    assert sink.getvalue() == write(("a", [b"1"], False), ("b", [b"2"], False))


def test_more_files_than_16_bits_count_need_zip64() -> None:
    written = write(*((f"{number}", [b""], False) for number in range(0x10000)))

    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        assert len(archive.namelist()) == 0x10000


def test_headers_of_large_files_are_zip64(tmp_path: Path) -> None:
    """The bytes of a 5 GB file, as a hole: only the headers are written."""
    large = Member("large.csv", 5 << 30, "", Method.STORED, 5 << 30, "", 0)
    small = Member("small.txt", 2, "", Method.STORED, 2, "", zlib.crc32(b"hi"))
    head = local_header("large.csv", Method.STORED, size=large.size, stored_size=large.stored_size, crc=0)
    second = len(head) + large.size
    with (tmp_path / "large.zip").open("wb") as file:
        file.write(head)
        file.seek(second)
        file.write(local_header("small.txt", Method.STORED, size=2, stored_size=2, crc=small.crc) + b"hi")
        file.write(directory([(large, 0), (small, second)], offset=file.tell()))

    with zipfile.ZipFile(tmp_path / "large.zip") as archive:
        assert [info.file_size for info in archive.infolist()] == [5 << 30, 2]
        assert archive.read("small.txt") == b"hi"
        assert archive.open("large.csv").read(10) == bytes(10)
    assert struct.unpack_from("<2H2Q", head, len(head) - 20) == (1, 16, 5 << 30, 5 << 30)


def test_the_zip64_form_is_chosen_by_size_alone() -> None:
    edge = container.ZIP64_FROM_BYTES
    lengths = [len(local_header("a", Method.DEFLATE, size=size, stored_size=9, crc=0)) for size in (0, edge - 1, edge)]

    assert lengths == [31, 31, 51]
