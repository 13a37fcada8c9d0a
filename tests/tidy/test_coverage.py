"""docs/coverage.md is honest: every requirement it lists is a requirement, every proof it names exists and says so."""

from __future__ import annotations

import re

from sources import ROOT, files, name_of

_TABLE = ROOT / "docs" / "coverage.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (done|partly|open) \| (.*?) \| (.*?) \|$", re.MULTILINE)
_FILE = re.compile(r"`(tests/[\w/]+\.py)`")
_COUNTS = {"E": 17, "P": 16, "B": 6, "O": 18, "A": 7, "C": 12, "U": 5}
_NAMED = re.compile(r"#[^\n]*?\b([EPBOACU]\d{1,2})\b")


def _rows() -> dict[str, tuple[str, str, str]]:
    return {match[1]: (match[2], match[3], match[4]) for match in _ROW.finditer(_TABLE.read_text("utf-8"))}


def test_every_requirement_is_listed_and_nothing_else_is() -> None:
    expected = {f"{letter}{number}" for letter, count in _COUNTS.items() for number in range(1, count + 1)}

    assert set(_rows()) == expected


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{name}: {file}"
        for name, (_, _, proof) in _rows().items()
        for file in _FILE.findall(proof)
        if not (ROOT / file).is_file()
    ]

    assert missing == []


def test_what_is_called_done_or_partly_done_names_a_test() -> None:
    unproved = [name for name, (state, _, proof) in _rows().items() if state != "open" and not _FILE.search(proof)]

    assert unproved == []


def test_what_is_open_names_none() -> None:
    assert [name for name, (state, _, proof) in _rows().items() if state == "open" and _FILE.search(proof)] == []


def test_every_requirement_that_a_test_names_exists() -> None:
    unknown = [
        f"{name_of(path)}: {found}"
        for path in files(".py", below=ROOT / "tests")
        for found in _NAMED.findall(path.read_text("utf-8"))
        if int(found[1:]) not in range(1, _COUNTS[found[0]] + 1)
    ]

    assert unknown == []
