"""
From the example database to the report, every organisation's file is byte for byte the golden one.

The goldens were made by the same path; after a wanted change renew them and read the difference:
`LADING_RENEW_GOLDEN=1 .venv/bin/pytest -q tests/db/test_golden.py && git diff --stat tests/golden`.
A spreadsheet is compared by the parts inside it and a parquet file by what a reader sees, because how they are
compressed may change with a library; of a pdf it is what the typesetter is given.
"""

from __future__ import annotations

import datetime
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import psycopg
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from lading.db.embedded import EmbeddedServer
from lading.example.load import Loaded, load
from lading.example.organisations import BY_SLUG, ORGANISATIONS
from lading.example.reports import document
from lading.exports import formats
from lading.exports.formats import ReportFacts, pdf
from lading.exports.formats.report import Report
from lading.exports.formats.summary import summarise
from lading.exports.mapping import MappingResult, map_spool
from lading.exports.profile import Format, Profile, parse
from lading.sources.postgresql import PostgresSource

GOLDEN = Path(__file__).parents[1] / "golden"
FROM, TO = datetime.date(2025, 2, 1), datetime.date(2025, 2, 28)
SALT = b"the salt of the golden files, 32"
SLUGS = [organisation.slug for organisation in ORGANISATIONS]
RENEW = os.environ.get("LADING_RENEW_GOLDEN") == "1"


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the mapping left in its folder."""

    profile: Profile
    facts: ReportFacts
    table: Path
    quarantine: Path
    result: MappingResult


@pytest.fixture(scope="module")
def loaded(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    folder = tmp_path_factory.mktemp("golden")
    yield load(server.url(), folder / "files", credentials_dir=folder / "logins", rows=12_000, database="golden_test")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE golden_test WITH (FORCE)")


def mapped(loaded: Loaded, slug: str, folder: Path, given: Mapping[str, object] | None = None) -> Mapped:
    profile = parse(document(slug))
    admitted = profile.admit_parameters(given or {})
    parameters = {**admitted, "period_from": FROM, "period_to": TO}
    source = PostgresSource(loaded.credentials[slug].read_text("utf-8"), timeout_seconds=60)
    spool = folder / "rows.arrow"
    with source.snapshot() as snapshot:
        batches = list(snapshot.batches(profile.query, parameters, key=profile.key))
    with ipc.new_file(str(spool), batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    table, quarantine = folder / "table.arrow", folder / "quarantine.jsonl"
    result = map_spool(profile, spool, table, quarantine, parameters=parameters, salt=SALT)
    return Mapped(profile, ReportFacts(BY_SLUG[slug].name, FROM, TO, admitted), table, quarantine, result)


def report(one: Mapped, form: Format, folder: Path) -> Path:
    out = folder / form
    out.mkdir()
    [file] = formats.write(form, one.profile, one.table, one.result, one.facts, out)
    return file.path


def assert_golden(golden: Path, made: bytes) -> None:
    if RENEW:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(made)
    assert golden.read_bytes() == made, f"{golden.name} differs; see this file's docstring if the change is wanted"


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("slug", SLUGS)
def test_the_csv_is_the_golden_one(loaded: Loaded, slug: str, tmp_path: Path) -> None:  # B3 B5 P5 P9
    one = mapped(loaded, slug, tmp_path)

    assert_golden(GOLDEN / slug / "report.csv", report(one, "csv", tmp_path).read_bytes())


@pytest.mark.parametrize("form", ["tsv", "json", "ndjson", "xml"])
@pytest.mark.parametrize("slug", SLUGS)
def test_every_text_format_is_the_golden_one(loaded: Loaded, slug: str, form: Format, tmp_path: Path) -> None:  # P9
    one = mapped(loaded, slug, tmp_path)

    assert_golden(GOLDEN / slug / f"report.{form}", report(one, form, tmp_path).read_bytes())


@pytest.mark.parametrize("slug", SLUGS)
def test_the_parquet_has_schema_rows_and_description_of_the_golden_one(
    loaded: Loaded, slug: str, tmp_path: Path
) -> None:  # P9
    path = report(mapped(loaded, slug, tmp_path), "parquet", tmp_path)

    golden = GOLDEN / slug / "report.parquet"
    if RENEW:
        golden.write_bytes(path.read_bytes())
    made, wanted = pq.read_table(path), pq.read_table(golden)
    assert made.equals(wanted)
    assert made.schema.equals(wanted.schema)
    assert pq.read_metadata(path).metadata == pq.read_metadata(golden).metadata


@pytest.mark.parametrize("slug", SLUGS)
def test_the_pdf_says_what_the_golden_one_says(loaded: Loaded, slug: str, tmp_path: Path) -> None:  # B3 P9
    one = mapped(loaded, slug, tmp_path)
    given = Report(one.profile, one.table, one.result, one.facts, tmp_path, lambda _: None)
    said = pdf.document(given, summarise(given, pdf.breakdown_words(one.profile)), annex="", is_changed=False)

    assert_golden(GOLDEN / slug / "report.pdf.json", json.dumps(said, ensure_ascii=False, indent=1).encode() + b"\n")


@pytest.mark.parametrize("slug", SLUGS)
def test_the_spreadsheet_is_the_golden_one(loaded: Loaded, slug: str, tmp_path: Path) -> None:  # B3 P9
    path = report(mapped(loaded, slug, tmp_path), "xlsx", tmp_path)

    golden = GOLDEN / slug / "report.xlsx"
    if RENEW:
        golden.write_bytes(path.read_bytes())
    assert parts(path) == parts(golden)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_quarantine_is_the_golden_one(loaded: Loaded, slug: str, tmp_path: Path) -> None:  # P7
    one = mapped(loaded, slug, tmp_path)

    assert_golden(GOLDEN / slug / "quarantine.jsonl", one.quarantine.read_bytes())


@pytest.mark.parametrize("slug", SLUGS)
def test_every_row_is_accounted_for(loaded: Loaded, slug: str, tmp_path: Path) -> None:  # P7 P8
    result = mapped(loaded, slug, tmp_path).result

    assert result.read == result.written + result.quarantined + result.duplicate
    assert min(result.written, result.quarantined, result.duplicate) > 0
    assert result.quarantined * 100 < result.read * 10


def test_csv_and_spreadsheet_say_the_same(loaded: Loaded, tmp_path: Path) -> None:
    one = mapped(loaded, "skog", tmp_path)

    text = report(one, "csv", tmp_path).read_text("utf-8-sig").splitlines()
    sheet = openpyxl.load_workbook(report(one, "xlsx", tmp_path), read_only=True).worksheets[0]

    rows = list(sheet.iter_rows(values_only=True))
    assert [str(cell) for cell in rows[0]] == text[0].split(";")
    assert len(rows) == len(text)


def test_a_smaller_scope_gives_fewer_rows_of_that_part_only(loaded: Loaded, tmp_path: Path) -> None:  # P15
    folders = [tmp_path / name for name in ("all", "region", "local", "type")]
    for folder in folders:
        folder.mkdir()

    whole = mapped(loaded, "nordlys", folders[0]).result.read
    region = mapped(loaded, "nordlys", folders[1], {"scope": "region-vest"}).result.read
    local = mapped(loaded, "nordlys", folders[2], {"scope": "bergen"})
    kind = mapped(loaded, "nordlys", folders[3], {"activity_types": ["phone_call"]})

    assert whole > region > local.result.read > 0
    assert column(local, 5, folders[2]) == {"Bergen lokallag"}
    assert column(kind, 1, folders[3]) == {"Telefonsamtale"}


def column(one: Mapped, number: int, folder: Path) -> set[str]:
    """Return the values of a column of the csv, without heading and totals."""
    lines = report(one, "csv", folder).read_text("utf-8-sig").splitlines()[1:-1]
    return {line.split(";")[number] for line in lines}


def test_every_row_says_whether_it_counts_or_why_not(loaded: Loaded, tmp_path: Path) -> None:  # B4
    text = report(mapped(loaded, "nordlys", tmp_path), "csv", tmp_path).read_text("utf-8-sig").splitlines()
    rows = [dict(zip(text[0].split(";"), line.split(";"), strict=True)) for line in text[1:-1]]

    assert {row["Tellende"] for row in rows} >= {"Ja", "Nei – ikke fysisk oppmøte", "Nei – annen aktivitet"}
    for row in rows:
        hours = float(row["Timer"].replace(",", "."))
        enough = int(row["Deltakere"]) >= 3 and hours >= 0.75
        counts = row["Land"] == "NO" and (
            row["Aktivitet"] in {"Individuell samtale", "Hjemmebesøk"}
            or (row["Aktivitet"] == "Samtalegruppe" and enough)
            or (row["Aktivitet"] == "Kursdag" and hours >= 1.5)
        )
        assert (row["Tellende"] == "Ja") == counts, row


def test_masked_names_do_not_leave(loaded: Loaded, tmp_path: Path) -> None:  # P6
    from_source = loaded.credentials["fjord"].read_text("utf-8")
    with psycopg.connect(from_source) as connection:
        names = [row[0] for row in connection.execute("SELECT full_name FROM mentors").fetchall()]

    text = report(mapped(loaded, "fjord", tmp_path), "csv", tmp_path).read_text("utf-8")

    assert len(names) == BY_SLUG["fjord"].mentors
    assert not [name for name in names if name in text]


def test_no_cell_of_a_golden_csv_begins_like_a_formula() -> None:  # P9
    for slug in SLUGS:
        text = (GOLDEN / slug / "report.csv").read_text("utf-8-sig")
        assert not [line for line in text.splitlines() if line.startswith(("=", "@", "+"))]
        for mark in (",=", ";=", '"=', ",@", ";@", ',"@', ",+", ";+"):
            assert mark not in text
