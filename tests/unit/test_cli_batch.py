"""A batch on the command line says what is wrong by its line, shows every end, and goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.export_server import ExportServer

from lading import cli
from lading.cli import batch_files
from lading.cli.batch_files import parse
from lading.errors import InvalidInput


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ExportServer]:
    with ExportServer() as made:
        monkeypatch.setenv("LADING_URL", made.url)
        monkeypatch.setenv("LADING_STATE_DIR", str(tmp_path / "state"))
        monkeypatch.delenv("LADING_TENANT", raising=False)
        monkeypatch.chdir(tmp_path)
        yield made


def _write(path: Path, count: int = 4) -> str:
    path.write_text("".join(f'{{"profile": "p{n}", "period": "2025-0{n + 1}"}}\n' for n in range(count)))
    return str(path)


def test_a_batch_prints_every_item_and_brings_every_package(
    server: ExportServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # C8
    code = cli.run(["exports", "batch", _write(tmp_path / "b.ndjson"), "--output", "out", "--json"])

    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (code, found["total"], found["succeeded"], found["failed"]) == (0, 4, 4, 0)
    assert [Path(each["path"]).read_bytes() for each in found["items"]] == [server.package] * 4
    assert "4 of 4 completed" in said.err
    assert server.requests["exp_1"]["period"]["from"].startswith("2025-0")


@pytest.mark.parametrize(("what", "code"), [("fails", 20), ("runs", 21)])
def test_the_exit_code_says_what_became_of_it(
    server: ExportServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str, code: int
) -> None:  # C8, C9
    setattr(server, what, lambda request: request["profile"] == "p2")
    file = _write(tmp_path / "b.ndjson")

    assert cli.run(["exports", "batch", file, "--timeout", "0.2", "--output-format", "tsv"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1] for line in lines[1:]] == [
        "completed", "completed", "failed" if what == "fails" else "timed-out", "completed",
    ]  # fmt: skip

    setattr(server, what, lambda _: False)
    assert cli.run(["exports", "batch", file]) == 0
    assert len(server.requests) == (5 if what == "fails" else 4)


def test_what_timed_out_is_listed_recovered_and_then_gone(
    server: ExportServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # C1
    server.runs = lambda _: True
    assert cli.run(["exports", "batch", _write(tmp_path / "b.ndjson"), "--timeout", "0.1"]) == 21
    server.runs = lambda _: False
    capsys.readouterr()

    assert cli.run(["exports", "recover", "--list", "--json"]) == 0
    [left] = json.loads(capsys.readouterr().out)
    assert (left["server"], left["unfinished"]) == (server.url, 4)
    assert cli.run(["exports", "recover"]) == 0
    assert cli.run(["exports", "recover"]) == 0
    assert "Nothing is unfinished." in capsys.readouterr().err
    assert len(list((tmp_path / "exports").glob("*/package.zip"))) == 4


def test_an_entry_can_be_forgotten(server: ExportServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.runs = lambda _: True
    cli.run(["exports", "batch", _write(tmp_path / "b.ndjson"), "--timeout", "0.1"])
    capsys.readouterr()
    cli.run(["exports", "recover", "--list", "--json"])
    [left] = json.loads(capsys.readouterr().out)

    assert cli.run(["exports", "recover", "--forget", left["key"]]) == 0
    assert cli.run(["exports", "recover", "--forget", left["key"]]) == 5


def test_a_request_that_is_kept_nowhere_is_still_asked_for(
    server: ExportServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("no folder")

    assert cli.run(["exports", "create", "bufdir", "--period", "2025"]) == 0
    said = capsys.readouterr()
    assert (said.out, len(server.requests)) == ("exp_1\n", 1)
    assert "LADING_STATE_DIR" in said.err


def test_a_created_export_leaves_no_entry(server: ExportServer, tmp_path: Path) -> None:
    assert cli.run(["exports", "create", "bufdir", "--period", "2025"]) == 0
    server.refuses = lambda _: 422
    assert cli.run(["exports", "create", "other", "--period", "2025"]) == 2

    assert list((tmp_path / "state" / "journal").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "is_csv", "said"),
    [
        ("", True, "asks for nothing"),
        ("", False, "asks for nothing"),
        ("profile,colour\nbufdir,red\n", True, "line 1: has a column 'colour'"),
        ("profile,profile\nbufdir,a\n", True, "line 1: has a column twice"),
        ("profile,period\nbufdir,2025\nbufdir,never\n", True, "line 3: period"),
        ("profile,revision\nbufdir,two\n", True, "line 2: revision 'two'"),
        ("profile,include_attachments\nbufdir,perhaps\n", True, "line 2: include_attachments"),
        ("profile\nbufdir,2025\n", True, "line 2: has more cells"),
        ('profile\n"bufdir\n', True, "line 2: is not CSV"),
        ("profile,revision\na,1\n\n\nb,two\n", True, "line 5: revision"),
        ("format\ncsv\n", True, "line 2: names no profile"),
        ('{"profile": "a"}\n\n{"profile": \n', False, "line 3: is not JSON"),
        ('{"profile": "a"}\n[1]\n', False, "line 2: is no object"),
        ('[{"profile": "a"}, {"profile": 7}]', False, "item 2: profile can't be 7"),
        ('[{"profile": "a", "colour": 1}]', False, "item 1: has a field 'colour'"),
        ('{"profile": "a", "period": {"from": "2025-01-01"}}', False, "line 1: period"),
        ('{"profile": "a", "revision": true}', False, "line 1: revision"),
        ("[" * 100_000, False, "is not JSON"),
        ('{"profile": "a"}\n{"profile": "b", "parameters": {"a": NaN}}', False, "line 2: is not JSON"),
        ("profile,base\na,\n" + "b" * 200_000 + ",\n", True, "line 3: is not CSV"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text: str, is_csv: bool, said: str) -> None:  # C8
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(")):
        parse(text, is_csv=is_csv)


def test_only_a_line_end_ends_a_line() -> None:  # C8
    made = parse("profile,parameter.note\na,one\u2028two\x0cthree\r\nb,\x85\n", is_csv=True)

    assert [each.profile for each in made] == ["a", "b"]
    assert made[0].parameters == {"note": "one\u2028two\x0cthree"}


def test_a_file_may_begin_with_a_mark_and_is_told_where_it_is_no_text(
    server: ExportServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "marked.ndjson").write_text('{"profile": "p0"}\n', "utf-8-sig")
    (tmp_path / "latin.csv").write_bytes("profile\nab\nblåbær\n".encode("latin-1"))

    assert cli.run(["exports", "batch", str(tmp_path / "marked.ndjson")]) == 0
    assert cli.run(["exports", "batch", str(tmp_path / "latin.csv")]) == 2
    assert "latin.csv, line 3: is not UTF-8" in capsys.readouterr().err


def test_a_parameter_without_values_is_told(server: ExportServer, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["exports", "batch", "--profile", "p", "--period", "2025", "--each", "organisation=,"]

    assert (cli.run(asked), len(server.requests)) == (2, 0)
    assert "organisation" in capsys.readouterr().err


def test_a_batch_file_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_files, "MOST_REQUESTS", 2)

    for text, is_csv in (("profile\na\nb\nc\n", True), ('{"profile":"a"}\n' * 3, False), ("[{},{},{}]", False)):
        with pytest.raises(InvalidInput, match="at most 2"):
            parse(text, is_csv=is_csv)


def test_each_form_says_the_same() -> None:
    rows: list[dict[str, Any]] = [
        {"profile": "a", "period": {"from": "2025-01-01", "to": "2025-12-31"}, "destinations": ["x", "y"]},
        {"profile": "b", "revision": 3, "include_attachments": True},
    ]
    text = "\ufeffprofile,period,destinations,revision,include_attachments\na,2025,x; y,,\nb,,,3,yes\n"

    made = [
        parse(text, is_csv=True),
        parse(json.dumps(rows), is_csv=False),
        parse("".join(json.dumps(row) + "\n" for row in rows), is_csv=False),
    ]

    assert made[0] == made[1] == made[2]
