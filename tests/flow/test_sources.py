"""An export comes from a database file, a folder or an API as it comes from a server; the guide's commands work."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from lading.cli import exits
from tests import api_server
from tests.flow.conftest import Up, start

Desk = Callable[..., CompletedProcess[str]]
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "sources.md"
ROWS = [(3, "2025-03-01", "Åse", "12.50"), (1, "2025-01-31", 'Bo; "B"', "7"), (2, "2024-12-31", "Cy", "1")]
COLUMNS: list[dict[str, Any]] = [
    {"name": "Nr", "from": "id", "type": "integer", "required": True},
    {"name": "Dato", "from": "day", "type": "date", "format": "YYYY-MM-DD", "required": True},
    {"name": "Navn", "from": "name", "type": "string"},
    {"name": "Timer", "from": "hours", "type": "decimal", "format": "0.00"},
]  # fmt: skip
WANTED = 'Nr;Dato;Navn;Timer\r\n1;2025-01-31;"Bo; ""B""";7,00\r\n3;2025-03-01;Åse;12,50\r\n'


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    tree = start(data_dir=tmp_path_factory.mktemp("up") / "data")
    yield tree
    tree.stop(signal.SIGTERM)


@pytest.fixture
def desk(tree: Up, lading: Desk, tmp_path: Path) -> Desk:
    assert tree.token is not None
    given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": tmp_path.name.replace("_", "-")[:40]}

    def run(*arguments: str) -> CompletedProcess[str]:
        return lading(*arguments, data_dir=tmp_path / "none", **given)

    made = run("tenants", "create", given["LADING_TENANT"], "--name", "Acme")
    assert made.returncode == exits.OK, made.stderr
    return run


def exported(desk: Desk, folder: Path, source: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the report and the manifest of an export of 2025."""
    profile = {
        "profile": "hours", "type": "hours", "title": "Hours", "source": {"name": "hours", "key": ["id"], **source},
        "formats": ["csv"], "columns": COLUMNS,
    }  # fmt: skip
    (folder / "profile.json").write_text(json.dumps(profile))
    for arguments in (
        ("profiles", "apply", str(folder / "profile.json"), "--activate"),
        ("exports", "run", "hours", "--period", "2025", "--output", str(folder / "out")),
    ):
        ran = desk(*arguments)
        assert ran.returncode == exits.OK, ran.stderr
    with zipfile.ZipFile(ran.stdout.splitlines()[-1]) as package:
        report = next(name for name in package.namelist() if name.endswith(".csv"))
        return package.read(report).decode("utf-8-sig"), json.loads(package.read("manifest.json"))


def test_a_sqlite_file_becomes_a_package(desk: Desk, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hours.db") as connection:
        connection.execute("CREATE TABLE hours (id INTEGER, day TEXT, name TEXT, hours NUMERIC)")
        connection.executemany("INSERT INTO hours VALUES (?, ?, ?, ?)", ROWS)
    connection.close()
    put = desk("sources", "put", "hours", "--kind", "sqlite", "--path", str(tmp_path / "hours.db"))
    assert put.returncode == exits.OK, put.stderr

    report, manifest = exported(
        desk, tmp_path, {"query": "SELECT * FROM hours WHERE day BETWEEN %(period_from)s AND %(period_to)s"}
    )

    assert report == WANTED
    assert manifest["consistency"] == "read-transaction"
    assert desk("sources", "test", "hours").returncode == exits.OK


def test_a_folder_of_csv_files_becomes_a_package(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    for number, row in enumerate(ROWS):
        text = "id;day;name;hours\r\n" + ";".join(f'"{str(value).replace(chr(34), chr(34) * 2)}"' for value in row)
        (folder / f"{number}.csv").write_text(text, "utf-8")
    put = desk("sources", "put", "hours", "--kind", "files", "--path", str(folder))
    assert put.returncode == exits.OK, put.stderr

    report, manifest = exported(desk, tmp_path, {
        "read": {
            "files": "*.csv", "format": "csv", "delimiter": ";",
            "columns": {"id": "integer", "day": "date", "name": "string", "hours": "decimal"},
            "filter": [
                {"from": "day", "at_least": {"parameter": "period_from"}},
                {"from": "day", "at_most": {"parameter": "period_to"}},
            ],
        }
    })  # fmt: skip

    assert report == WANTED
    assert manifest["consistency"] == "files-unchanged-while-read"


def test_a_folder_that_is_not_there_is_told_with_its_mend(desk: Desk, tmp_path: Path) -> None:
    desk("sources", "put", "hours", "--kind", "files", "--path", str(tmp_path / "nowhere"))

    tried = desk("sources", "test", "hours")

    assert tried.returncode == exits.UNFIT
    assert "Mount it here" in tried.stdout


@pytest.mark.parametrize(
    "line", [line for line in GUIDE.read_text().splitlines() if line.startswith("lading sources put")]
)
def test_every_registration_in_the_guide_works(desk: Desk, line: str) -> None:
    ran = desk(*shlex.split(line)[1:])

    assert ran.returncode == exits.OK, ran.stderr
    assert re.search(r"kind\s+\w+", ran.stdout)


def test_pages_of_an_api_become_a_package(lading: Desk, tmp_path: Path) -> None:
    def answer(asked: api_server.Asked) -> api_server.Reply:
        if asked.headers.get("Authorization") != "Bearer hunter2":
            return api_server.Reply(b"", 401)
        start = int(asked.one("after", "0"))
        rows = [{"id": row[0], "day": row[1], "name": row[2], "hours": row[3]} for row in ROWS]
        wanted = [row for row in rows if asked.one("from") <= str(row["day"]) <= asked.one("to")]
        return api_server.page({"items": wanted[start : start + 1], "next": start + 1 if start == 0 else None})

    # A tree of its own: only this one may call the loopback.
    tree = start(data_dir=tmp_path / "data", LADING_ALLOWED_NETWORKS="127.0.0.1")
    try:
        assert tree.token is not None
        given = {"LADING_URL": tree.url, "LADING_TOKEN": tree.token, "LADING_TENANT": "acme"}
        desk = partial(lading, data_dir=tmp_path / "none", **given)
        assert desk("tenants", "create", "acme", "--name", "Acme").returncode == exits.OK
        with api_server.serving(answer) as api:
            put = desk(
                "sources", "put", "hours", "--kind", "http", "--base-url", f"{api.url}/v1", "--credentials",
                api_server.secret(tmp_path, "hunter2"), "--option", "pages=cursor", "--option", "next=next", "--option",
                "cursor_parameter=after", "--option", "rows=items", "--option", "test_path=/hours?from=2025&to=2026",
            )  # fmt: skip
            assert put.returncode == exits.OK, put.stderr
            limited = desk("throttles", "limit", "hours", "--rate", "50/s", "--burst", "50", "--reason", "agreed")
            assert limited.returncode == exits.OK, limited.stderr
            tried = desk("sources", "test", "hours")
            assert tried.returncode == exits.OK, tried.stdout

            report, manifest = exported(desk, tmp_path, {
                "request": {
                    "path": "/hours",
                    "query": {"from": {"parameter": "period_from"}, "to": {"parameter": "period_to"}},
                    "columns": {"id": "integer", "day": "date", "name": "string", "hours": "decimal"},
                }
            })  # fmt: skip
            shown = desk("profiles", "preview", "hours", "--period", "2025")
    finally:
        tree.stop(signal.SIGTERM)

    assert report == WANTED
    assert manifest["consistency"] == "pages"
    assert shown.returncode == exits.OK, shown.stderr
    assert "hunter2" not in shown.stdout + tried.stdout + json.dumps(manifest)
