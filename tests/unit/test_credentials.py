"""Credentials are read where the reference points, and an error never repeats what was read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lading.errors import SourceRefused
from lading.sources.credentials import resolve

SECRET = "postgresql://reader:hunter2@db.example.org/app"


def secret_file(tmp_path: Path, content: bytes, mode: int = 0o600) -> Path:
    path = tmp_path / "credentials"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_variable_is_read() -> None:  # P14
    assert resolve("env:ACTIVITIES", {"ACTIVITIES": SECRET + "\n"}) == SECRET


def test_a_private_file_is_read(tmp_path: Path) -> None:
    path = secret_file(tmp_path, f"{SECRET}\n".encode())

    assert resolve(f"file:{path}") == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_file_that_others_may_read_is_refused_with_the_mend(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, SECRET.encode(), mode)

    with pytest.raises(SourceRefused, match="chmod 600") as refusal:
        resolve(f"file:{path}")

    assert "hunter2" not in refusal.value.message


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe", b"one\ntwo", b"x" * 9000])
def test_a_file_without_one_line_of_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceRefused, match="one line of text"):
        resolve(f"file:{secret_file(tmp_path, content)}")


@pytest.mark.parametrize(
    "ref", ["", SECRET, "env:", "env:A B", "file:relative", "file:", "vault:x", "file:/a\0b", "env:A\n"]
)
def test_anything_else_is_no_reference_and_is_not_repeated(ref: str) -> None:
    with pytest.raises(SourceRefused, match="env:NAME, file:/absolute/path") as refusal:
        resolve(ref, {})

    assert "hunter2" not in refusal.value.message


def test_a_missing_variable_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="NOT_SET"):
        resolve("env:NOT_SET", {})
    with pytest.raises(SourceRefused, match="nowhere"):
        resolve(f"file:{tmp_path}/nowhere")


def test_a_directory_and_a_fifo_do_not_hang(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)

    for path in (tmp_path, fifo):
        with pytest.raises(SourceRefused, match="not a regular file"):
            resolve(f"file:{path}")


@pytest.mark.parametrize("name", ["LADING_DATABASE_URL", "lading_token", "PGPASSWORD"])
def test_a_variable_of_lading_itself_is_nobodys_credentials(name: str) -> None:  # A6
    with pytest.raises(SourceRefused, match="Lading's own") as refusal:
        resolve(f"env:{name}", {name: SECRET})

    assert "hunter2" not in refusal.value.message


def test_a_mounted_secret_of_kubernetes_may_have_the_mode_of_the_mount(tmp_path: Path) -> None:
    path = secret_file(tmp_path, SECRET.encode(), 0o644)

    assert resolve(f"kubernetes:{path}") == SECRET


def test_a_credential_of_systemd_is_read_from_its_directory(tmp_path: Path) -> None:
    secret_file(tmp_path, SECRET.encode(), 0o440)

    assert resolve("systemd:credentials", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == SECRET
    with pytest.raises(SourceRefused, match="LoadCredential="):
        resolve("systemd:credentials", {})
    with pytest.raises(SourceRefused, match="must read"):
        resolve("systemd:../credentials", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
