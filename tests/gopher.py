"""Programs that check what we made with the Go project's own packages; absent where Debian's are not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_CODE = Path("/usr/share/gocode")
_FOREIGN = Path(__file__).with_name("foreign")
MISSING = "Go's own log verifier is not installed: apt-get install golang-go golang-golang-x-mod-dev"


def built(name: str, folder: Path) -> Path | None:
    """Build tests/foreign/NAME.go and return the program; None where it can't be built."""
    if shutil.which("go") is None or not (_CODE / "src/golang.org/x/mod/sumdb/note").is_dir():
        return None
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(_CODE),
        "GOFLAGS": "",
        "GOCACHE": str(folder / "cache"),
    }
    source = _FOREIGN / f"{name}.go"
    subprocess.run(["go", "build", "-o", str(folder / name), str(source)], env=environment, check=True, timeout=280)
    return folder / name


def required(name: str, folder: Path) -> Path:
    """Build it, or skip the test."""
    program = built(name, folder)
    if program is None:
        pytest.skip(MISSING)
    return program
