"""Every example in a docstring is true: the documentation of a pure function is also its test."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import lading

_ROOT = Path(lading.__file__).parent
_WITH_EXAMPLES = [path for path in sorted(_ROOT.rglob("*.py")) if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", _WITH_EXAMPLES, ids=lambda path: str(path.relative_to(_ROOT)))
def test_the_examples_of_a_module_are_true(path: Path) -> None:
    name = ".".join(("lading", *path.relative_to(_ROOT).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(name)

    result = doctest.testmod(module)

    assert result.attempted > 0
    assert result.failed == 0


def test_there_are_examples() -> None:
    assert _WITH_EXAMPLES
