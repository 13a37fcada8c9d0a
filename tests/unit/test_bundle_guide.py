"""VERIFY.md in a bundle is true: an auditor with other people's tools sees whether the bundle holds."""

# A2 A3

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import bundling

from lading.bundles import guide

TOOLS = ("bash", "minisign", "openssl", "sha256sum", "ssh-keygen")
pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason="a tool of the guide is not on this machine"
)


def blocks() -> Iterator[str]:
    """Yield what the guide tells to run."""
    yield from re.findall(r"```\n(.*?)```", guide.text().decode(), re.DOTALL)


def unpacked(package: bytes, folder: Path) -> Path:
    """Unpack a bundle, with the trust file beside its files as the guide has it."""
    target = folder / "unpacked"
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extractall(target)
    (target / "trust.json").write_bytes(bundling.TRUST.dump())
    return target


def follow(folder: Path) -> list[int]:
    """Run every command of the guide and return how each block of them ended."""
    root = Path(__file__).parents[2]
    verifier = f'lading-verify() {{ "{sys.executable}" -m lading_verify "$@"; }}\n'
    names = {"BUNDLE.zip": "../this.zip", "NEXT.zip": "../next.zip", "THIS.zip": "../this.zip"}
    codes: list[int] = []
    said = ""
    for block in blocks():
        text = block
        for name, path in names.items():
            text = text.replace(name, path)
        if block.startswith("PACKAGE_KEY="):
            said = text
        ran = subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n{verifier}{said}{text}"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(root / "src"),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
            capture_output=True,
            check=False,
        )
        codes.append(ran.returncode)
    return codes


def test_every_command_of_the_guide_succeeds_on_a_bundle_that_holds(tmp_path: Path) -> None:
    whole = bundling.bundle(end=20)
    (tmp_path / "this.zip").write_bytes(whole)
    (tmp_path / "next.zip").write_bytes(bundling.bundle(start=20))

    codes = follow(unpacked(whole, tmp_path))

    assert len(codes) == 9
    assert set(codes) == {0}


def test_it_succeeds_on_one_that_begins_in_the_middle(tmp_path: Path) -> None:
    later = bundling.bundle(start=13)
    (tmp_path / "this.zip").write_bytes(later)
    (tmp_path / "next.zip").write_bytes(bundling.bundle(start=20))

    assert set(follow(unpacked(later, tmp_path))[:-1]) == {0}


def test_a_line_that_was_changed_is_found_by_digest_and_by_root(tmp_path: Path) -> None:
    folder = unpacked(bundling.bundle(), tmp_path)
    (tmp_path / "this.zip").write_bytes(b"")
    history = folder / "data" / "history.jsonl"
    history.write_bytes(history.read_bytes().replace(b'"rate":"5"', b'"rate":"6"'))

    keys, sums, files, ssh, mini, root, head, whole, following = follow(folder)

    assert (keys, files, ssh, mini, head) == (0, 0, 0, 0, 0)
    assert 0 not in {sums, root, whole, following}


def test_a_list_that_was_made_anew_is_found_by_its_signatures(tmp_path: Path) -> None:
    folder = unpacked(bundling.bundle(), tmp_path)
    (tmp_path / "this.zip").write_bytes(b"")
    tags = folder / "tagmanifest-sha256.txt"
    tags.write_bytes(tags.read_bytes().replace(b"a", b"b", 1))

    _, _, _, ssh, mini, *_ = follow(folder)

    assert 0 not in {ssh, mini}
