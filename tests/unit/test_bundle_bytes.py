"""A bundle's bytes depend on its entries, its span and its key alone."""

# A2 P12

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import hashlib, os, sys
os.umask(int(sys.argv[1], 8))
import bundling
made = [bundling.bundle(), bundling.bundle(start=10), bundling.bundle(chosen=[2, 3])]
print(*(hashlib.sha256(each).hexdigest() for each in made))
"""
PLACES = (
    ({"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"}, "022"),
    ({"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}, "077"),
    ({"TZ": "America/St_Johns", "LC_ALL": "POSIX", "PYTHONHASHSEED": "4711", "PYTHONOPTIMIZE": "1"}, "000"),
)


def digests(python: str, environment: dict[str, str], umask: str) -> str:
    """Return the digests of some bundles as another process makes them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG", "TZ"))}
    paths = os.pathsep.join(map(str, (ROOT / "src", ROOT / "tests")))
    done = subprocess.run(
        [python, "-c", PROGRAM, umask],
        env={**kept, **environment, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def has_cryptography(python: str) -> bool:
    """Tell whether that Python can sign."""
    return subprocess.run([python, "-c", "import cryptography"], capture_output=True, check=False).returncode == 0


def test_zone_language_hash_seed_and_umask_leave_no_trace() -> None:
    assert len({digests(sys.executable, environment, umask) for environment, umask in PLACES}) == 1


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_another_version_of_python_makes_the_same_bytes(version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or not has_cryptography(python):
        pytest.skip(f"Python {version} with `cryptography` is not on this machine")

    assert digests(python, *PLACES[1]) == digests(sys.executable, *PLACES[0])
