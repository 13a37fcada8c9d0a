"""Keys are made once, stay private, and their public halves are all an auditor needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lading.errors import EnvironmentUnfit, InvalidInput
from lading.ledger.keys import load_or_create
from lading.ledger.trust import Trust

START = """
import sys, pathlib
from lading.ledger.keys import load_or_create
sys.stdin.read(1)
keys = load_or_create(pathlib.Path(sys.argv[1]), "test")
print(keys.log.public.keyid, keys.package.public.keyid)
"""


def test_a_second_start_finds_the_same_keys(tmp_path: Path) -> None:
    first, second = (load_or_create(tmp_path / "keys", "test") for _ in range(2))

    assert first.log.sign(b"x") == second.log.sign(b"x")
    assert first.trust == second.trust == Trust.load(tmp_path / "keys" / "trust.json")
    assert first.log.public.keyid != first.package.public.keyid


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    load_or_create(tmp_path / "keys", "test")

    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {
        "keyring.json": 0o600, "log.key": 0o600, "package.key": 0o600, "trust.json": 0o600,
    }  # fmt: skip


def test_many_processes_that_start_at_once_get_the_same_keys(tmp_path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(tmp_path / "keys")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for child in children:  # all stand at the line before any may go
        assert child.stdin is not None
        child.stdin.write("g")
        child.stdin.flush()
    told = {child.communicate()[0] for child in children}

    assert len(told) == 1
    assert all(child.returncode == 0 for child in children)
    assert len(Trust.load(tmp_path / "keys" / "trust.json").all_keys) == 2


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_or_create(tmp_path, "test")
    (tmp_path / "log.key").chmod(0o640)

    with pytest.raises(EnvironmentUnfit, match=r"chmod 600 .*log\.key"):
        load_or_create(tmp_path, "test")


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    load_or_create(tmp_path, "test")
    (tmp_path / "package.key").write_bytes(content)

    with pytest.raises(EnvironmentUnfit, match=r"package\.key is damaged"):
        load_or_create(tmp_path, "test")
    assert (tmp_path / "package.key").read_bytes() == content


def test_a_missing_key_is_not_made_again_in_silence(tmp_path: Path) -> None:
    load_or_create(tmp_path, "test")
    (tmp_path / "package.key").unlink()

    with pytest.raises(EnvironmentUnfit, match=r"package\.key is missing.*signing-keys revoke"):
        load_or_create(tmp_path, "test")


def test_an_installation_from_before_keyrings_keeps_its_keys(tmp_path: Path) -> None:
    old = load_or_create(tmp_path, "test")
    (tmp_path / "keyring.json").unlink()

    new = load_or_create(tmp_path, "test")

    assert (new.log.public, new.package.public) == (old.log.public, old.package.public)
    assert len(new.trust.all_keys) == 2


def test_a_private_key_is_in_no_repr(tmp_path: Path) -> None:
    keys = load_or_create(tmp_path, "test")

    assert "PRIVATE" not in repr(keys)
    assert "_private" not in repr(keys)


def test_keys_that_cannot_be_made_say_why(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")

    with pytest.raises(EnvironmentUnfit, match="signing keys in"):
        load_or_create(tmp_path / "keys", "test")


@pytest.mark.parametrize("instance", ["", "two words", "a\nb", "a+b", "x" * 121])
def test_a_name_that_no_log_can_bear_is_refused_at_once(tmp_path: Path, instance: str) -> None:
    with pytest.raises(EnvironmentUnfit, match="LADING_INSTANCE"):
        load_or_create(tmp_path, instance)


@pytest.mark.parametrize("content", [
    b"", b"[]", b"{}", b"{}" * (1 << 20), b"[" * 100_000,
    b'{"schema_version":"lading.trust/1","instance":"x","keys":[{"keyid":"00","purpose":"log","algorithm":"ed25519","public":"AAAA"}]}',
    b'{"schema_version":"lading.trust/1","instance":"x","keys":[{"keyid":"00","purpose":"all","algorithm":"ed25519","public":"AAAA"}]}',
    b'{"schema_version":"lading.trust/2","instance":"x","keys":[]}',
    b'{"schema_version":"lading.trust/1","instance":"x","keys":{}}',
])  # fmt: skip
def test_a_file_that_is_no_trust_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "trust.json").write_bytes(content)

    with pytest.raises(InvalidInput, match="trust file"):
        Trust.load(tmp_path / "trust.json")


def test_a_missing_trust_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.json can't be read"):
        Trust.load(tmp_path / "nowhere.json")
