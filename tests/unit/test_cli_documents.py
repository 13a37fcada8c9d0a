"""Whoever wrote a document in an editor is told the line, also of what only the server can judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from lading.cli.documents import read, told_by_line
from lading.errors import FieldError, ProfileInvalid

_TEXT = "profile: visits\ncolumns:\n  - name: Date\n    frm: visited_on\n"
_REFUSED = ProfileInvalid(
    "columns.0.frm: unknown key", (FieldError("/columns/0/frm", "unknown key"), FieldError("/source", "is missing"))
)


def test_a_refusal_is_told_with_the_lines_of_the_yaml(tmp_path: Path) -> None:
    file = tmp_path / "visits.yaml"
    file.write_text(_TEXT, "utf-8")

    with pytest.raises(ProfileInvalid) as caught, told_by_line(read(file)):
        raise _REFUSED

    assert caught.value.message == "line 4: columns.0.frm: unknown key"
    assert [each.detail for each in caught.value.errors] == ["line 4: unknown key", "line 1: is missing"]


def test_json_has_no_lines_to_tell(tmp_path: Path) -> None:
    file = tmp_path / "visits.json"
    file.write_text('{"profile": "visits"}', "utf-8")

    with pytest.raises(ProfileInvalid) as caught, told_by_line(read(file)):
        raise _REFUSED

    assert caught.value is _REFUSED
