"""Who writes a profile is told everything that is wrong with it, on this machine, before anybody else sees it."""

# E13

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lading.cli import exits
from lading.cli.profiles import command
from lading.example.organisations import ORGANISATIONS
from lading.example.reports import document

WRONG = """profile: visits
type: visit_report
title: Visits
source: {name: visits, query: SELECT 1, key: [id]}
formats: [csv]
columns:
  - {name: Day, frm: day, type: date}
  - name: Share
    type: decimal
    expression: "minutes / "
rules:
  - {code: too_long, require: "size(day) <= 3 &"}
"""


def validate(path: Path, *options: str) -> Result:
    return CliRunner().invoke(
        command, ["validate", str(path), "--url", "http://127.0.0.1:9", *options], standalone_mode=False
    )


def test_every_fault_is_told_by_line_and_path_without_a_server(tmp_path: Path) -> None:
    file = tmp_path / "visits.yaml"
    file.write_text(WRONG, "utf-8")

    told = validate(file)

    assert told.return_value == exits.USAGE
    assert [line.split("\t")[:2] for line in told.stdout.splitlines()] == [
        ["line", "path"],
        ["7", "/columns/0/frm"],
        ["10", "/columns/1/expression"],
        ["12", "/rules/0/require"],
    ]


def test_a_program_is_told_the_same(tmp_path: Path) -> None:
    file = tmp_path / "visits.yaml"
    file.write_text(WRONG, "utf-8")

    told = json.loads(validate(file, "--json").stdout)

    assert (told["is_valid"], told["profile"], len(told["findings"])) == (False, "visits", 3)
    assert told["findings"][1] == {
        "pointer": "/columns/1/expression",
        "line": 10,
        "message": "expression 1:11: a value is missing at the end",
    }


def test_a_text_that_is_no_document_is_told_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "visits.yaml"
    file.write_text("profile: visits\nprofile: again\n", "utf-8")

    told = validate(file)

    assert told.return_value == exits.USAGE
    assert "2\t/profile\tthe key `profile` is written twice" in told.stdout


@pytest.mark.parametrize("slug", [organisation.slug for organisation in ORGANISATIONS])
def test_the_example_profiles_are_valid(slug: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(document(slug)), "utf-8")

    told = validate(file)

    assert (told.return_value, told.stdout) == (exits.OK, "")
