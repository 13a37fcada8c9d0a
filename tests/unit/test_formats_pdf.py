"""A pdf report says whose it is, sums up exactly, shows rows as they are and says what it leaves out."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lading.errors import ExportError
from lading.exports import formats
from lading.exports.formats import ReportFacts, ReportFile, pdf
from lading.exports.formats.report import Report
from lading.exports.formats.summary import Words, summarise
from lading.exports.mapping import MappingResult
from lading.exports.profile import Profile, parse
from lading.exports.tables import TableWriter

FACTS = ReportFacts("Nordlys (eksempel)", datetime.date(2025, 1, 1), datetime.date(2025, 12, 31), {"kinds": ["a", "b"]})
WORDS = Words("Antall", "Totalt", "Øvrige ({count})", "Ikke oppgitt")
SCHEMA = pl.Schema({"Lag": pl.String(), "Timer": pl.Decimal(38, 2), "N": pl.Int64()})


def profile_of(**style: Any) -> Profile:
    """A profile of three columns with this pdf style."""
    return parse(
        {
            "profile": "p",
            "type": "t",
            "title": "Årsrapport",
            "source": {"name": "s", "query": "SELECT 1", "key": ["id"]},
            "parameters": {"kinds": {"type": "string_list", "label": "Typer"}},
            "formats": ["pdf"],
            "file_name": "report",
            "columns": [
                {"name": "Lag", "type": "string", "from": "a"},
                {"name": "Timer", "type": "decimal", "format": "0.##", "from": "b"},
                {"name": "N", "type": "integer", "from": "c"},
            ],
            "totals": {"label": "TOTALT", "label_column": "Lag", "columns": {"Timer": "sum"}},
            "pdf": style,
        }
    )


def report_of(folder: Path, cells: Mapping[str, Sequence[Any]], **style: Any) -> Report:
    """A mapped table on its way into the pdf."""
    result = MappingResult(0, 0, 0, 0, (), {}, {})
    return Report(profile_of(**style), table_of(folder, cells), result, FACTS, folder, lambda _: None)


def table_of(folder: Path, rows: Mapping[str, Sequence[Any]]) -> Path:
    """Write a mapped table."""
    with TableWriter(folder / "table.arrow", SCHEMA) as writer:
        writer.add(pl.DataFrame(dict(rows), schema=SCHEMA))
    return folder / "table.arrow"


def write(folder: Path, cells: Mapping[str, Sequence[Any]], **style: Any) -> list[ReportFile]:
    """Write the pdf."""
    count = len(next(iter(cells.values())))
    result = MappingResult(count + 3, count, 2, 1, (), {}, {"Timer": "1234567.50"})
    return formats.write("pdf", profile_of(**style), table_of(folder, cells), result, FACTS, folder)


def text_of(file: ReportFile) -> str:
    """Return the words of a pdf, read by another program."""
    reader = shutil.which("pdftotext")
    if reader is None:
        pytest.skip("pdftotext is not installed here")
    return subprocess.run([reader, "-layout", str(file.path), "-"], capture_output=True, check=True).stdout.decode()


ROWS: dict[str, list[Any]] = {
    "Lag": ["Bodø", "Ås", "Bodø", None],
    "Timer": [Decimal("1.50"), Decimal("0.25"), None, Decimal("1000.00")],
    "N": [1, 2, 3, None],
}


def test_figures_and_breakdowns_are_exact_and_ordered_by_size(tmp_path: Path) -> None:
    figures = [{"label": "R", "count": "rows"}, {"label": "T", "sum": "Timer"}, {"label": "D", "distinct": "Lag"}]
    groups = [{"by": "Lag", "label": "Etter lag", "sum": ["Timer", "N"]}]

    summary = summarise(report_of(tmp_path, ROWS, figures=figures, groups=groups, rows=2), WORDS)

    assert summary.figures == [("R", "4"), ("T", "1\u00a0001,75"), ("D", "2")]
    (group,) = summary.breakdowns
    assert group.header == ["Lag", "Antall", "Timer", "N"]
    assert group.rows == [
        ["Bodø", "2", "1,50", "4"],
        ["Ås", "1", "0,25", "2"],
        ["Ikke oppgitt", "1", "1\u00a0000,00", "0"],
    ]
    assert group.total == ["Totalt", "4", "1\u00a0001,75", "6"]
    assert summary.rows == [["Bodø", "1,50", "1"], ["Ås", "0,25", "2"]]


def test_more_groups_than_a_board_reads_are_summed_up(tmp_path: Path) -> None:
    rows = {"Lag": [f"lag {n:03}" for n in range(100)], "Timer": [Decimal(1)] * 100, "N": [1] * 100}

    summary = summarise(report_of(tmp_path, rows, groups=[{"by": "Lag", "sum": ["N"]}], rows=0), WORDS)

    (group,) = summary.breakdowns
    assert len(group.rows) == 40
    assert group.rows[-1] == ["Øvrige (61)", "61", "61"]
    assert group.total == ["Totalt", "100", "100"]


def test_the_pdf_is_tagged_archive_pdf_with_title_period_and_rows(tmp_path: Path) -> None:
    (file,) = write(tmp_path, ROWS)

    data = file.path.read_bytes()
    assert (file.name, file.media_type) == ("report.pdf", "application/pdf")
    assert b"<pdfaid:part>2</pdfaid:part>" in data
    assert b"<pdfaid:conformance>A</pdfaid:conformance>" in data
    assert b"<pdfuaid:part>1</pdfuaid:part>" in data
    assert b"<dc:language><rdf:Bag><rdf:li>nb-NO</rdf:li>" in data
    text = text_of(file)
    for words in (
        "Nordlys (eksempel)",
        "Årsrapport",
        "01.01.2025 – 31.12.2025",
        "Typer",
        "a, b",
        "Bodø",
        "1,50",
        "1 234 567,50",
    ):
        assert words in text.replace("\u00a0", " ")


def test_a_pdf_that_shows_the_beginning_says_so_and_comes_with_all_rows(tmp_path: Path) -> None:
    files = write(tmp_path, ROWS, rows=2)

    assert [file.name for file in files] == ["report.pdf", "report.csv"]
    assert len(files[1].path.read_text("utf-8").splitlines()) == 6
    assert "de første 2 av 4 rader" in " ".join(text_of(files[0]).split())
    assert "report.csv" in text_of(files[0])


def test_a_text_that_is_too_long_for_a_page_is_cut_and_the_whole_comes_beside_it(tmp_path: Path) -> None:
    rows = {"Lag": ["ord " * 99 + "siste", "ord " * 101], "Timer": [None] * 2, "N": [None] * 2}

    files = write(tmp_path, rows)

    text = " ".join(text_of(files[0]).split())
    assert [file.name for file in files] == ["report.pdf", "report.csv"]
    assert "Lange tekster er kortet med …; hele teksten står i report.csv." in text
    assert "ord " * 101 in files[1].path.read_text("utf-8")


def test_a_large_number_is_whole_wherever_it_stands(tmp_path: Path) -> None:
    rows = {"Lag": ["a"], "Timer": [Decimal("-123456789012345678.25")], "N": [2**62]}
    figures = [{"label": str(n), "sum": "Timer"} for n in range(8)]

    (file,) = write(tmp_path, rows, figures=figures, groups=[{"by": "Lag", "sum": ["Timer", "N"]}])

    text = text_of(file).replace("\u00a0", " ")
    assert text.count("−123 456 789 012 345 678,25") >= 10
    assert text.count("4 611 686 018 427 387 904") == 2
    assert "−123456789012345678,25" in text
    assert str(2**62) in text


def test_text_of_rows_is_never_markup(tmp_path: Path) -> None:
    hostile = ['#panic("x")', '#read("/etc/passwd")', "$x^2$ *b* _i_ @ref <lab> \\ // c", '#import "@preview/x:1.0.0"']
    rows = {"Lag": hostile, "Timer": [None] * 4, "N": [None] * 4}

    (file,) = write(tmp_path, rows, groups=[{"by": "Lag"}])

    text = text_of(file)
    assert all(word in text for word in ("#panic", '"/etc/passwd"', "$x^2$ *b* _i_ @ref <lab>", "#import"))


def test_a_character_without_a_glyph_does_not_end_the_report(tmp_path: Path) -> None:
    rows = {"Lag": ["王小明", "😀", "a\ufeffb", "Ω é"], "Timer": [None] * 4, "N": [None] * 4}

    files = write(tmp_path, rows)

    assert [file.name for file in files] == ["report.pdf", "report.csv"]
    assert "王小明" in files[1].path.read_text("utf-8")
    assert "Tegn som dokumentets skrift ikke har" in " ".join(text_of(files[0]).split())


def test_an_empty_table_is_still_a_report(tmp_path: Path) -> None:
    nothing: dict[str, list[Any]] = {name: [] for name in SCHEMA}
    figures = [{"label": "R", "count": "rows"}, {"label": "T", "sum": "Timer"}, {"label": "D", "distinct": "Lag"}]

    (file,) = write(tmp_path, nothing, figures=figures, groups=[{"by": "Lag", "sum": ["Timer"]}])

    assert "Ingen rader i perioden" in text_of(file)


def test_a_document_that_takes_too_long_fails_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "WALL_SECONDS", 0.01)

    with pytest.raises(ExportError, match="not ready"):
        write(tmp_path, ROWS)

    assert {path.name for path in tmp_path.iterdir()} == {"table.arrow"}


def test_a_fault_of_the_compiler_names_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the replacement a glyph that is missing is such a fault, and its message would quote the cell.
    monkeypatch.setattr(pdf, "settable", lambda value: value)

    with pytest.raises(ExportError, match=r"could not be set .*PDF/A") as caught:
        write(tmp_path, {"Lag": ["王小明"], "Timer": [None], "N": [None]})

    assert "王" not in json.dumps(caught.value.message, ensure_ascii=False)


def test_a_report_nobody_wants_any_more_ends_its_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # P3
    monkeypatch.setattr(pdf, "_LOOK_SECONDS", 0.001)
    count, result = 4, MappingResult(4, 4, 0, 0, (), {}, {})
    table = table_of(tmp_path, ROWS)

    class Cancelled(Exception):
        pass

    def progress(rows: int) -> None:
        if rows < count:
            raise Cancelled

    with pytest.raises(Cancelled):
        formats.write("pdf", profile_of(), table, result, FACTS, tmp_path, progress)

    assert {path.name for path in tmp_path.iterdir()} == {"table.arrow"}
