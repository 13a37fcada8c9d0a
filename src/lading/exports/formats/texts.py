"""
What the formats of running text (csv, tsv, json, ndjson, xml) share: a head, the rows, a tail.

The text of rows depends on the rows alone, so that the texts of parts, one after the other, are the text of the whole:
parts of a table can be written side by side and joined without being read again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from lading.exports.ahead import ahead
from lading.exports.formats.report import Report, ReportFile
from lading.wire.exports import Notice

_BUFFER_BYTES: Final = 1 << 20


class Text(Protocol):
    """A report as text."""

    @property
    def suffix(self) -> str:
        """Return the ending of the file's name."""
        ...

    @property
    def media_type(self) -> str:
        """Return the file's media type."""
        ...

    @property
    def skipped(self) -> int:
        """Return how many bytes the first row has too many: those that would part it from a row before."""
        ...

    @property
    def changed(self) -> int:
        """Return how much of the rows so far could not be carried over unchanged."""
        ...

    def head(self) -> bytes:
        """Return what stands before the rows."""
        ...

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield rows so far and the text of the newest."""
        ...

    def tail(self, rows: int, /) -> bytes:
        """Return what stands behind so many rows."""
        ...

    def notices(self, changed: int, /) -> Iterator[Notice]:
        """Yield what is to be said when so much was changed."""
        ...


def write(report: Report, text: Text) -> ReportFile:
    """Write the whole report."""
    path = report.folder / (report.stem + text.suffix)
    written, skipped, digest = 0, text.skipped, hashlib.sha256()

    def put(chunk: bytes) -> None:
        file.write(chunk)
        digest.update(chunk)
        if report.outlet is not None:
            report.outlet(chunk)

    with path.open("wb") as file:
        put(text.head())
        with closing(ahead(text.rows())) as chunks:
            for rows, chunk in chunks:
                put(chunk[skipped:] if skipped else chunk)
                written, skipped = rows, 0
                report.progress(rows)
        put(text.tail(written))
    return ReportFile(path.name, path, text.media_type, tuple(text.notices(text.changed)), digest.hexdigest())


def write_rows(report: Report, text: Text, path: Path) -> int:
    """Write the rows of a part alone to `path`; return what `join` has to be told of changes."""
    with path.open("wb") as file, closing(ahead(text.rows())) as chunks:
        for rows, chunk in chunks:
            file.write(chunk)
            report.progress(rows)
    return text.changed


def join(report: Report, text: Text, parts: Sequence[Path], *, changed: int) -> ReportFile:
    """Write the report whose rows `write_rows` has written part by part."""
    path = report.folder / (report.stem + text.suffix)
    skipped, size = text.skipped, sum(part.stat().st_size for part in parts)
    done = 0
    with path.open("wb") as file:
        file.write(text.head())
        for part in parts:
            with part.open("rb") as rows:
                skipped -= len(rows.read(skipped))
                while chunk := rows.read(_BUFFER_BYTES):
                    file.write(chunk)
                    done += len(chunk)
                    report.progress(report.result.written * done // size)
        file.write(text.tail(report.result.written))
    return ReportFile(path.name, path, text.media_type, tuple(text.notices(changed)))
