"""The report's text deflated while it is written, so that BUNDLING need not read it again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lading.artifacts.blobs import storing
from lading.artifacts.zipwriter import Deflated, deflate
from lading.exports.stages.relay import Relay
from lading.exports.stages.work import Work

_FOLDER: Final = "packing"
_NAME: Final = "report.deflated"


@dataclass(frozen=True, slots=True)
class Packed:
    """Where the deflated text lies, and what is known of it.  Nobody made it durable: it serves this attempt alone."""

    path: Path
    facts: Deflated


def run(work: Work, text: Relay[bytes]) -> Packed:
    """Deflate the text as it comes."""
    path = work.folder(_FOLDER) / _NAME
    with storing(path), path.open("wb") as sink:
        return Packed(path, deflate(_watched(work, text), sink))


def discard(work: Work) -> None:
    """Remove what was deflated, whether BUNDLING could use it or not."""
    shutil.rmtree(work.blobs.path(work.key(_FOLDER)), ignore_errors=True)


def _watched(work: Work, text: Relay[bytes]) -> Iterator[bytes]:
    for chunk in text:
        work.advance(0, None)
        yield chunk
