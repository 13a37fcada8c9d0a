"""`lading packages` says what is in a package and what is wrong with it, by one sentence and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests import configurations, hostile
from tests.configurations import dependency, step
from tests.packages import pack

from lading import cli

# C5, C6


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    needs = [dependency("status")]
    (tmp_path / "a.zip").write_bytes(configurations.pack([step("matter", mandatory=needs), step("x", "tomorrow")]))
    (tmp_path / "b.zip").write_bytes(configurations.pack([step("matter", number=9)]))
    (tmp_path / "bad.zip").write_bytes(hostile.HOSTILE["traversal"][1]())
    (tmp_path / "bomb.zip").write_bytes(hostile.HOSTILE["bomb"][1]())
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(["packages", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_good_and_bad_ones_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "validate", "b.zip") == (0, "b.zip: good, configuration, 2 files, 1.2 kB\n", "")
    code, out, _ = said(capsys, "validate", "a.zip", "bad.zip", "b.zip")

    assert code == 9
    assert out.splitlines()[0].endswith("1 mandatory dependencies unresolved")
    assert out.splitlines()[1].startswith("bad.zip: leaves-folder: '../evil' is not allowed")


def test_a_single_bad_one_is_an_error_like_any_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "validate", "bad.zip")

    assert (code, out) == (9, "")
    assert err.startswith("error: bad.zip: '../evil' is not allowed in a package: its name leaves the folder.")


def test_programs_read_the_verdicts_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "validate", "bad.zip", "b.zip", "--json")

    bad, good = json.loads(out)
    assert code == 9
    assert (bad["is_good"], bad["fault"], bad["entry"]) == (False, "leaves-folder", "../evil")
    assert (good["is_good"], good["kind"]) == (True, "configuration")


def test_limits_are_set_by_options(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "validate", "bomb.zip")[0] == 9
    assert said(capsys, "validate", "bomb.zip", "--max-ratio", "2000")[0] == 0
    assert said(capsys, "validate", "b.zip", "--max-entries", "2")[0] == 9


def test_components_and_what_they_lack_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "show", "a.zip")
    document = json.loads(said(capsys, "show", "a.zip", "--json")[1])

    assert code == 0
    assert "other\ttomorrow\tx\t0\t" in out
    assert "matter\toption-set\tsystemName=status\tuses status" in out
    assert "does not hold" in err
    assert [each["bucket"] for each in document["components"]] == ["work_types", "other"]
    assert document["unresolved"][0]["selector"] == {"systemName": "status"}


def test_files_of_an_export_are_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "export.zip").write_bytes(pack(folder)[0])

    code, out, _ = said(capsys, "show", "export.zip")

    assert code == 0
    assert "name\tbufdir\n" in out
    assert "report.csv\t79\t" in out


def test_a_package_is_laid_out_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "extract", "a.zip")[:2] == (0, "a\n")
    assert (folder / "a" / "manifest.json").is_file()

    code, out, err = said(capsys, "extract", "a.zip")

    assert (code, out) == (6, "")
    assert "there already" in err
    assert said(capsys, "extract", "bad.zip", "--output", "evil")[0] == 9
    assert json.loads(said(capsys, "extract", "a.zip", "--output", "new/b", "--json")[1])["path"] == "new/b"
    assert sorted(each.name for each in folder.iterdir() if each.is_dir()) == ["a", "new"]


def test_differences_are_shown_in_three_forms(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "compare", "a.zip", "b.zip")

    assert code == 0
    assert "removed\ttomorrow/x\t\t\t" in out.splitlines()
    assert "0 unchanged" in err
    assert "## Removed" in said(capsys, "compare", "a.zip", "b.zip", "--markdown")[1]
    assert json.loads(said(capsys, "compare", "a.zip", "b.zip", "--json")[1])["removed"] == ["tomorrow/x"]


def test_a_difference_fails_only_when_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "compare", "a.zip", "b.zip", "--fail-if-different")[0] == 14
    assert said(capsys, "compare", "a.zip", "a.zip", "--fail-if-different")[0] == 0
    assert said(capsys, "compare", "b.zip", "b.zip", "--all-fields", "--fail-if-different")[0] == 0


def test_two_kinds_are_not_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "export.zip").write_bytes(pack(folder)[0])

    assert said(capsys, "compare", "a.zip", "export.zip")[0] == 2
