"""CSV read by columns says the same as CSV read row by row by Python's strict reader, wherever blocks end."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lading.errors import SourceRefused
from lading.sources import read as reads
from lading.sources.readers import csv as reader
from lading.sources.readers import csv_blocks
from lading.sources.readers.file import File

PIECES = st.sampled_from(
    ["a", "0", "é", '"', '""', ",", "\n", "\r\n", "\r", '"b"', '"b\nc"', '"c"d', " ", "\ufeff", "\0"]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


def strictly(text: str) -> list[list[str]] | None:
    """What Python's strict reader makes of a file with two columns; None where it, or we, refuse it."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="\n"), strict=True) if row]
    except csv.Error:
        return None
    return rows if all(len(row) == 2 for row in rows) and "\0" not in text else None


def ours(path: Path, columns: Sequence[str] = ("x", "y"), **more: object) -> list[list[str]]:
    """What we make of it."""
    given_ = {"files": "*", "format": "csv", "columns": dict.fromkeys(columns, "string"), "nulls": [], "header": False}
    with File("a.csv", path) as file:
        batches = list(reader.read(file, reads.parse({**given_, **more}), []))
    return [
        list(row) for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


@settings(max_examples=500)
@given(TEXTS, st.integers(1, 12))
@example('a,b\n"c\n",d\n', 3)
@example('a,5" pipe\nb,c\n', 4)
@example('a,"b"c\n', 4)
def test_blocks_and_rows_say_the_same(folder: Path, text: str, size: int) -> None:
    path = folder / "a.csv"
    path.write_bytes(text.encode())
    wanted = strictly(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK_BYTES", size)
        if wanted is None:
            with pytest.raises(SourceRefused):
                ours(path)
        else:
            assert ours(path) == wanted


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_the_line_that_is_wrong_is_the_same_wherever_blocks_end(
    folder: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", size)
    path = folder / "b.csv"
    path.write_bytes(b'x,y\n1,"a\nb"\n2,b\n3,c,d\n')

    with pytest.raises(SourceRefused, match="line 5: it has 3 fields"):
        ours(path, header=True)


@pytest.mark.parametrize(("encoding", "name"), [("windows-1252", "cp1252"), ("iso-8859-1", "latin-1")])
def test_other_encodings_are_read_by_columns_too(folder: Path, encoding: str, name: str) -> None:
    path = folder / "c.csv"
    path.write_bytes('Ærlig;"Bodø; sentrum"\n'.encode(name))

    assert ours(path, encoding=encoding, delimiter=";") == [["Ærlig", "Bodø; sentrum"]]
    with File("c.csv", path) as file:
        found = list(csv_blocks.columns(file, 2, delimiter=";", encoding=reads.ENCODINGS[encoding], wanted=[1]))
    assert [column.to_pylist() for _, columns in found for column in columns] == [["Bodø; sentrum"]]
