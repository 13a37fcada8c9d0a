"""Formats for programs carry every value exactly, say what they are, and have one form for one table."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from lading.errors import ExportError
from lading.exports import formats
from lading.exports.formats import ReportFacts, ReportFile, parquet, xlsx
from lading.exports.formats.xml import NAMESPACE, element_names
from lading.exports.mapping import MappingResult
from lading.exports.profile import Profile, parse
from lading.exports.tables import arrow, arrow_schema

FACTS = ReportFacts(
    "Nordlys & <venner>", datetime.date(2025, 1, 1), datetime.date(2025, 12, 31), {"kinds": ["a", "b"], "scope": None}
)
TYPES = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us", "UTC"),
    "boolean": pl.Boolean(),
}
COLUMNS = [
    {"name": "Tekst", "type": "string"},
    {"name": "Antall møtt", "type": "integer"},
    {"name": "Timer", "type": "decimal", "format": "0.##"},
    {"name": "Dato", "type": "date"},
    {"name": "Tid", "type": "timestamp"},
    {"name": "Digital", "type": "boolean"},
]
ROWS: dict[str, list[Any]] = {
    "Tekst": ['=1+1 "Åse" \\ & <b>\n\ttab\r', "", None],
    "Antall møtt": [9_007_199_254_740_993, -1, None],
    "Timer": [Decimal("1.50"), Decimal("-12345678901234567890.01"), None],
    "Dato": [datetime.date(2025, 3, 9), datetime.date(1899, 12, 31), None],
    "Tid": [
        datetime.datetime(2025, 10, 26, 0, 30, tzinfo=datetime.UTC),
        datetime.datetime(2025, 10, 26, 1, 30, 0, 250_000, tzinfo=datetime.UTC),
        None,
    ],
    "Digital": [True, False, None],
}
TOTALS = {"label": "TOTALT", "label_column": "Tekst", "columns": {"Timer": "sum", "Antall møtt": "count"}}
SUMS = {"Timer": "-12345678901234567888.51", "Antall møtt": "2"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DATA = ["json", "ndjson", "parquet", "xml"]


def profile_of(columns: Sequence[Mapping[str, Any]], **more: Any) -> Profile:
    source = {"name": "s", "query": "SELECT 1", "key": ["id"]}
    document = {"profile": "p", "type": "t", "title": "Årsrapport", "source": source, "formats": ["json"]}
    return parse(document | {"file_name": "report", "columns": [{"from": "x", **column} for column in columns], **more})


def write(
    form: Any,
    folder: Path,
    columns: Sequence[Mapping[str, Any]] = COLUMNS,
    rows: Mapping[str, Sequence[Any]] = ROWS,
    *,
    sums: Mapping[str, str] | None = None,
    batches: int = 16_384,
    **more: Any,
) -> ReportFile:
    """Write rows, which lie in the table in batches of so many, in a format."""
    profile = profile_of(columns, **more)
    schema = pl.Schema({c.name: TYPES.get(c.type, pl.Decimal(38, c.number_format.scale)) for c in profile.columns})
    frame = pl.DataFrame(dict(rows), schema=schema)
    with ipc.new_file(str(folder / "table.arrow"), arrow_schema(schema)) as writer:
        for part in frame.iter_slices(batches):
            for batch in arrow(part):
                writer.write_batch(batch)
    result = MappingResult(frame.height, frame.height, 0, 0, (), {}, dict(sums or {}))
    return formats.write(form, profile, folder / "table.arrow", result, FACTS, folder)[0]


def lint(path: Path) -> None:
    """Have another program say that the XML is well-formed."""
    linter = shutil.which("xmllint")
    if linter is None:
        pytest.skip("xmllint is not installed here (Debian: libxml2-utils)")
    found = subprocess.run([linter, "--noout", str(path)], capture_output=True, check=False)
    assert (found.returncode, found.stderr) == (0, b"")


def xml_rows(path: Path) -> list[dict[str, str]]:
    """Return the cells of each row by the column's own name."""
    space = f"{{{NAMESPACE}}}"
    return [
        {cell.get("name", cell.tag.removeprefix(space)): cell.text or "" for cell in row}
        for row in ET.parse(path).getroot().iter(f"{space}row")
    ]


def test_json_is_one_document_with_description_rows_and_totals(tmp_path: Path) -> None:  # P9
    file = write("json", tmp_path, totals=TOTALS, sums=SUMS)

    read = json.loads(file.path.read_bytes(), parse_float=Decimal)
    assert (file.name, file.media_type) == ("report.json", "application/json")
    assert (read["title"], read["organisation"], read["period"]) == (
        "Årsrapport", "Nordlys & <venner>", {"from": "2025-01-01", "to": "2025-12-31"},
    )  # fmt: skip
    assert read["parameters"] == {"kinds": ["a", "b"], "scope": None}
    assert read["columns"][2] == {"name": "Timer", "type": "decimal", "scale": 2}
    assert read["rows"] == [
        {
            "Tekst": ROWS["Tekst"][0], "Antall møtt": 9_007_199_254_740_993, "Timer": Decimal("1.50"),
            "Dato": "2025-03-09", "Tid": "2025-10-26T02:30:00+02:00", "Digital": True,
        },
        {
            "Tekst": "", "Antall møtt": -1, "Timer": Decimal("-12345678901234567890.01"),
            "Dato": "1899-12-31", "Tid": "2025-10-26T02:30:00.250+01:00", "Digital": False,
        },
        dict.fromkeys(ROWS),
    ]  # fmt: skip
    assert read["row_count"] == 3
    assert read["totals"] == {
        "label": "TOTALT",
        "columns": {"Antall møtt": {"count": 2}, "Timer": {"sum": Decimal("-12345678901234567888.51")}},
    }


def test_numbers_are_text_for_readers_that_hold_doubles(tmp_path: Path) -> None:
    read = json.loads(write("json", tmp_path, totals=TOTALS, sums=SUMS, json={"numbers": "text"}).path.read_bytes())

    assert (read["rows"][0]["Antall møtt"], read["rows"][0]["Timer"]) == ("9007199254740993", "1.50")
    assert (read["rows"][2]["Timer"], read["rows"][0]["Digital"]) == (None, True)
    assert read["totals"]["columns"]["Timer"] == {"sum": SUMS["Timer"]}


def test_ndjson_is_the_rows_of_json_and_nothing_else(tmp_path: Path) -> None:  # P9
    lines = write("ndjson", tmp_path, totals=TOTALS, sums=SUMS).path.read_text("utf-8")
    document = json.loads(write("json", tmp_path).path.read_bytes())

    assert lines.endswith("}\n")
    assert [json.loads(line) for line in lines.removesuffix("\n").split("\n")] == document["rows"]


def test_parquet_is_typed_and_carries_description_and_totals_as_metadata(tmp_path: Path) -> None:  # P9
    file = pq.ParquetFile(write("parquet", tmp_path, totals=TOTALS, sums=SUMS).path)

    assert [str(field.type) for field in file.schema_arrow] == [
        "string", "int64", "decimal128(38, 2)", "date32[day]", "timestamp[us, tz=UTC]", "bool",
    ]  # fmt: skip
    assert file.read().to_pydict() == ROWS
    said = json.loads(file.metadata.metadata[b"lading.report"])
    assert said["totals"]["columns"] == {"Antall møtt": {"count": "2"}, "Timer": {"sum": SUMS["Timer"]}}
    assert (said["organisation"], said["columns"][0]) == ("Nordlys & <venner>", {"name": "Tekst", "type": "string"})
    assert {file.metadata.row_group(0).column(n).compression for n in range(6)} == {"ZSTD"}


def test_parquet_may_be_snappy(tmp_path: Path) -> None:
    file = pq.ParquetFile(write("parquet", tmp_path, parquet={"compression": "snappy"}).path)

    assert file.metadata.row_group(0).column(0).compression == "SNAPPY"


def test_xml_names_elements_after_columns_and_leaves_out_what_is_not_there(tmp_path: Path) -> None:  # P9
    file = write("xml", tmp_path, totals=TOTALS, sums=SUMS)

    root = ET.parse(file.path).getroot()
    rows = xml_rows(file.path)
    lint(file.path)
    assert (root.tag, root.get("profile"), root.findtext(f"{{{NAMESPACE}}}organisation")) == (
        f"{{{NAMESPACE}}}report", "p", "Nordlys & <venner>",
    )  # fmt: skip
    assert rows == [
        {
            "Tekst": ROWS["Tekst"][0], "Antall møtt": "9007199254740993", "Timer": "1.50", "Dato": "2025-03-09",
            "Tid": "2025-10-26T02:30:00+02:00", "Digital": "true",
        },
        {
            "Tekst": "", "Antall møtt": "-1", "Timer": "-12345678901234567890.01", "Dato": "1899-12-31",
            "Tid": "2025-10-26T02:30:00.250+01:00", "Digital": "false",
        },
        {},
    ]  # fmt: skip
    assert '<Antall_møtt name="Antall møtt">' in file.path.read_text("utf-8")
    assert [(each.get("column"), each.get("kind"), each.text) for each in root.iter(f"{{{NAMESPACE}}}total")] == [
        ("Antall møtt", "count", "2"), ("Timer", "sum", SUMS["Timer"]),
    ]  # fmt: skip


def test_xml_says_how_many_texts_lost_a_control_character(tmp_path: Path) -> None:
    rows = {"A": ["a\x00\x1bb", "\ufffe", "fine & <well>", "\x85\u2028"]}

    file = write("xml", tmp_path, [{"name": "A", "type": "string"}], rows)

    lint(file.path)
    assert [row["A"] for row in xml_rows(file.path)] == ["a\ufffd\ufffdb", "\ufffd", "fine & <well>", "\x85\u2028"]
    assert [(notice.code, notice.count) for notice in file.notices] == [("characters_replaced", 2)]


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=6, unique=True))
def test_any_names_become_different_names_that_xml_reads(names: list[str]) -> None:
    found = element_names(names)

    assert len(set(found)) == len(names)
    for name in found:
        assert ET.fromstring(f"<{name}/>").tag == name
        assert not name.lower().startswith("xml")


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
def test_every_text_survives_every_data_format(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("data")
    columns, rows = [{"name": "A", "type": "string"}], {"A": texts}

    document = json.loads(write("json", folder, columns, rows).path.read_bytes())
    lines = write("ndjson", folder, columns, rows).path.read_text("utf-8").removesuffix("\n").split("\n")
    table = pq.read_table(write("parquet", folder, columns, rows).path)
    markup = xml_rows(write("xml", folder, columns, rows).path)

    assert [row["A"] for row in document["rows"]] == texts
    assert [json.loads(line)["A"] for line in lines] == texts
    assert table.to_pydict()["A"] == texts
    lost = {*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0xFFFE, 0xFFFF}
    assert [row["A"] for row in markup] == [text.translate(dict.fromkeys(lost, "\ufffd")) for text in texts]


@settings(max_examples=60, deadline=None)
@given(
    instants=st.lists(
        st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30), timezones=st.just(datetime.UTC)),  # noqa: DTZ001
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_every_instant_reads_back_as_the_same_one(
    tmp_path_factory: pytest.TempPathFactory, instants: list[datetime.datetime]
) -> None:
    folder = tmp_path_factory.mktemp("instants")

    text = write("json", folder, [{"name": "T", "type": "timestamp"}], {"T": instants}).path.read_bytes()

    assert [datetime.datetime.fromisoformat(row["T"]) for row in json.loads(text)["rows"]] == instants


@pytest.mark.parametrize("form", [*DATA, "tsv"])
def test_an_empty_table_is_still_a_whole_file(tmp_path: Path, form: str) -> None:  # P13
    nothing: dict[str, list[Any]] = {column["name"]: [] for column in COLUMNS}

    file = write(form, tmp_path, rows=nothing)

    match form:
        case "json":
            assert json.loads(file.path.read_bytes())["rows"] == []
        case "ndjson":
            assert file.path.read_bytes() == b""
        case "parquet":
            assert pq.read_table(file.path).num_rows == 0
        case "xml":
            assert xml_rows(file.path) == []
        case _:
            assert file.path.read_text("utf-8") == "Tekst\tAntall møtt\tTimer\tDato\tTid\tDigital\n"


def test_tsv_is_csv_with_tabs_in_its_own_style(tmp_path: Path) -> None:  # P9
    columns = [{"name": "A", "type": "string"}, {"name": "N", "type": "decimal", "format": "0.0#"}]
    rows = {"A": ["=1+1", "a\tb", 'say "x"', "plain; text"], "N": [Decimal("-1.50"), None, Decimal(2), Decimal("0.25")]}

    plain = write("tsv", tmp_path, columns, rows)
    styled = write("tsv", tmp_path, columns, rows, tsv={"bom": True, "decimal": ",", "line_end": "crlf"})

    assert (plain.name, plain.media_type) == ("report.tsv", "text/tab-separated-values; charset=utf-8")
    assert styled.path.read_bytes().startswith(b"\xef\xbb\xbfA\tN\r\n'=1+1\t-1,5\r\n")
    text = write("tsv", tmp_path, columns, rows).path.read_text("utf-8")
    assert text == 'A\tN\n\'=1+1\t-1.5\n"a\tb"\t\n"say ""x"""\t2.0\nplain; text\t0.25\n'


@pytest.mark.parametrize("form", ["csv", "tsv", "xlsx", "pdf", *DATA])
def test_bytes_do_not_depend_on_how_the_table_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:  # P12 E12
    monkeypatch.setattr(parquet, "PIECE_ROWS", 100)
    columns = [{"name": "A", "type": "string"}, {"name": "N", "type": "integer"}, {"name": "T", "type": "timestamp"}]
    start = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    rows = {
        "A": [f"{'<&' if n % 700 == 0 else ''}text {n % 17}" * (n % 5) for n in range(5000)],
        "N": [n if n % 3 else None for n in range(5000)],
        "T": [start + datetime.timedelta(minutes=n) for n in range(5000)],
    }

    style = {
        "rows": 50,
        "figures": [{"label": "D", "distinct": "N"}, {"label": "S", "sum": "N"}],
        "groups": [{"by": "A", "sum": ["N"]}],
    }

    made = {
        write(form, tmp_path, columns, rows, batches=size, pdf=style).path.read_bytes() for size in (7, 999, 4096, 5000)
    }

    assert len(made) == 1


def test_row_groups_end_with_the_rows_that_fill_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # P10
    monkeypatch.setattr(parquet, "PIECE_ROWS", 10)
    monkeypatch.setattr(parquet, "PIECE_BYTES", 1000)
    monkeypatch.setattr(parquet, "GROUP_PIECES", 2)
    columns, rows = [{"name": "A", "type": "string"}], {"A": ["x"] * 25 + ["y" * 400] * 5 + ["z" * 5000, "w"]}

    file = pq.ParquetFile(write("parquet", tmp_path, columns, rows, batches=4).path)

    # 10 + 10, then 5 short and 3 that fill a piece, 2 and the one that fills it, the rest.
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [20, 8, 3, 1]
    assert file.read().to_pydict() == rows


def test_more_columns_than_a_sheet_holds_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # P9
    monkeypatch.setattr(xlsx, "MAX_COLUMNS", 5)

    with pytest.raises(ExportError, match="columns"):
        write("xlsx", tmp_path)
