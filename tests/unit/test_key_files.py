"""A secret of the instance is made once, whole and for its owner alone, however many want it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lading.errors import EnvironmentUnfit
from lading.ledger import key_files

CALLED = "key of the test"


def test_all_who_want_a_secret_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "test.key"

    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: key_files.secret(path, called=CALLED), range(64)))

    assert found == {path.read_bytes()}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_only_its_owner_can_read_it_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "test.key"

    key_files.secret(path, called=CALLED)

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "test.key"
    key_files.create(path, lambda: b"first")

    key_files.create(path, lambda: b"second")

    assert path.read_bytes() == b"first"


def test_a_file_that_is_replaced_holds_the_new_content_alone(tmp_path: Path) -> None:
    path = tmp_path / "test.key"
    key_files.create(path, lambda: b"first")

    key_files.replace(path, b"second")

    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_was_cut_is_named_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "test.key"
    path.write_bytes(b"a secret that was cut")

    with pytest.raises(EnvironmentUnfit) as caught:
        key_files.secret(path, called=CALLED)

    assert caught.value.message == f"The {CALLED} {path} is damaged; restore it from your backup."


def test_a_folder_that_cannot_be_made_is_told_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")

    with pytest.raises(EnvironmentUnfit, match="can't be read or made: File exists"):
        key_files.secret(tmp_path / "keys" / "test.key", called=CALLED)
