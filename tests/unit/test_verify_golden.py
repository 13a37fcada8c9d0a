"""
Bundles that were made once are verified and replayed for ever: by this version of the verifier, and by each after it.

The files are never made again.  A new format gets new files beside them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lading_verify import trust
from lading_verify.check import verify
from lading_verify.replay import replay

_GOLDEN = Path(__file__).parents[1] / "golden" / "bundles"
_SOURCES = Path(__file__).parents[2] / "src"
_DIGESTS = {
    "v1-whole.zip": "f7376d343dc9eee1bc0079103256864f632906aed8d23ad3588c3021f23719c2",
    "v1-next.zip": "66737ced90f604250217f3c359fe0156461d7aba2d67b1bbda7feeb8066823ee",
    "v1-partial.zip": "91dfc6194e200e6278245ccaee5a6be34a098ed5944c3e4ea262a4718cb0867a",
}


@pytest.mark.parametrize("name", _DIGESTS)
def test_a_bundle_of_an_older_version_still_verifies_and_replays(name: str, tmp_path: Path) -> None:  # A2, A4
    path = _GOLDEN / name
    version = name.partition("-")[0]
    previous = _GOLDEN / f"{version}-whole.zip" if "next" in name else None

    report = verify(path, trust.load(_GOLDEN / f"{version}-trust.json"), previous=previous)
    result = replay(path, out=tmp_path / "states")
    told = [json.loads(line) for line in (tmp_path / "states" / "jobs.jsonl").read_text("utf-8").splitlines()]

    assert report.is_pinned
    assert (result.matches, result.fault_count) == (True, 0)
    assert told[0]["state"] == "completed"


@pytest.mark.parametrize(("name", "digest"), _DIGESTS.items())
def test_the_files_are_those_that_were_made_then(name: str, digest: str) -> None:
    assert hashlib.sha256((_GOLDEN / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
@pytest.mark.parametrize("name", _DIGESTS)
def test_another_version_of_python_says_the_same(name: str, version: str) -> None:  # A3, A4
    python = shutil.which(f"python{version}")
    if python is None or run(python, "-c", "import cryptography").returncode:
        pytest.skip(f"Python {version} with `cryptography` is not on this machine")
    path, trusted = str(_GOLDEN / name), str(_GOLDEN / "v1-trust.json")

    for arguments in ([path, "--trust", trusted, "--json"], ["replay", path, "--json"], [path]):
        there, here = (run(each, "-m", "lading_verify", *arguments) for each in (python, sys.executable))
        assert there.returncode == here.returncode == (10 if arguments == [path] else 0)
        assert there.stdout == here.stdout


def run(python: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [python, *arguments], capture_output=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(_SOURCES)},
    )  # fmt: skip
