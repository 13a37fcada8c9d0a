"""Unit tests find what they share beside them, in the folder of all tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Keep bytes under a name, and return where."""

    def keep(name: str, data: bytes) -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return keep
