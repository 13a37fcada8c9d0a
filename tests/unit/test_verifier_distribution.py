"""The verifier is a distribution of its own: one file, Python and `cryptography`, and nothing of the server."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.bundling import TRUST, bundle

_ROOT = Path(__file__).parents[2]
_NEEDED = ("cryptography", "cffi", "_cffi_backend", "pycparser")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, str(_ROOT / "verifier/build.py"), str(folder)], check=True, capture_output=True)
    return folder


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which Python finds `cryptography` and no other package."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in _NEEDED:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            origin = Path(found.origin)
            whole = origin.parent if origin.name == "__init__.py" else origin
            (packages / whole.name).symlink_to(whole)
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(packages)}


def _run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_one_file_verifies_and_replays_without_the_server(built: Path, alone, tmp_path: Path) -> None:  # A2
    (tmp_path / "bundle.zip").write_bytes(bundle())
    (tmp_path / "trust.json").write_bytes(TRUST.dump())
    program = built / "lading-verify.pyz"

    assert "No module named 'lading'" in _run(alone, "-c", "import lading").stderr
    done = _run(alone, program, tmp_path / "bundle.zip", "--trust", tmp_path / "trust.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete" in done.stdout
    assert _run(alone, program, "replay", tmp_path / "bundle.zip").returncode == 0
    assert _run(alone, program, tmp_path / "trust.json").returncode == 9


def test_it_says_how_it_is_used(built: Path, alone) -> None:
    for arguments in (["--help"], ["replay", "--help"]):
        told = _run(alone, built / "lading-verify.pyz", *arguments).stdout
        assert "examples:" in told
        assert "exit codes:" in told


def test_the_wheel_holds_the_verifier_and_asks_for_cryptography_only(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        modules = {name for name in packed.namelist() if name.startswith("lading_verify/")}
        metadata = packed.read(next(name for name in packed.namelist() if name.endswith("/METADATA"))).decode()

    here = _ROOT / "src/lading_verify"
    assert modules == {f"lading_verify/{path.name}" for path in here.glob("*.py")}
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert needed == ["Requires-Dist: cryptography>=42"]


def test_building_twice_gives_the_same_file(built: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(_ROOT / "verifier/build.py"), str(tmp_path)], check=True, capture_output=True)

    for name in ("lading-verify.pyz", next(built.glob("*.whl")).name):
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes()
