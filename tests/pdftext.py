"""What tools that are not ours read in a pdf."""

from __future__ import annotations

import subprocess
from pathlib import Path


def pdf_text(content: bytes, folder: Path) -> str:
    """Return the text as `pdftotext` lays it out."""
    return _run("pdftotext", "-layout", str(_kept(content, folder)), "-")


def pages_of(content: bytes, folder: Path) -> int:
    """Return how many pages `pdfinfo` counts."""
    told = _run("pdfinfo", str(_kept(content, folder)))
    return int(next(line.split(":")[1] for line in told.splitlines() if line.startswith("Pages:")))


def tags_of(content: bytes, folder: Path) -> bool:
    """Tell whether the pdf is tagged, in the words of `pdfinfo`."""
    return any(line.split() == ["Tagged:", "yes"] for line in _run("pdfinfo", str(_kept(content, folder))).splitlines())


def _kept(content: bytes, folder: Path) -> Path:
    path = folder / "document.pdf"
    path.write_bytes(content)
    return path


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
