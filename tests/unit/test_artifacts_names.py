"""A name in a package is the same file, inside the folder, on every system."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lading.artifacts import names


@pytest.mark.parametrize("name", [
    "", "/etc/passwd", "../x", "a/../b", "a/..", "C:/x", "c:x", "a//b", "a/", "./a", "a/./b", "a\\b", "..\\x", "a\0b",
    "a\nb", "con", "NUL.txt", "a/aux/b", "nul .txt",
    "CONOUT$", "conin$.csv", "a.", "a ", " a", "a?b", "x" * 201, "a/" * 17 + "b", "\u202egpj.exe",
    "e\u0301", "\ud800", ".hidden", "x/" * 5 + "y" * 600,
])  # fmt: skip
def test_a_name_that_is_not_portable_has_a_fault(name: str) -> None:
    assert names.fault(name) is not None


@pytest.mark.parametrize(
    "name", ["report.csv", "attachments/2025-03/Kurs/Søknad (2).pdf", "日本.txt", "a..b", "a-b_c.tar.gz"]
)
def test_an_honest_name_has_none(name: str) -> None:
    assert names.fault(name) is None


@given(st.text(max_size=400))
def test_any_text_can_be_fitted_and_stays_so(text: str) -> None:
    fitted = names.fit(text)

    assert names.fault(fitted) is None
    assert names.fit(fitted) == fitted
