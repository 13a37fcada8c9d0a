"""
Files as a source: those of one folder that match a pattern, in the order of their names.

No path leads out of the folder, not through a link either.  A file that changes while it is read ends the reading: its
rows would be of two states.  How a form of file is read is in `readers/`; bounded memory whatever its size.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa

from lading.errors import SourceError, SourceRefused, SourceUnreachable
from lading.sources import filtering, ordered, places
from lading.sources import read as reads
from lading.sources.model import Check, Rewrite, Selection, Source
from lading.sources.read import Read
from lading.sources.readers import READERS
from lading.sources.readers.file import File

MOST_FILES: Final = 10_000


def connector(source: Source, scratch: Path | None) -> FilesConnector:
    """Return the connector of a folder."""
    return FilesConnector(source, scratch)


class FilesConnector:
    """A registered folder."""

    def __init__(self, source: Source, scratch: Path | None) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._root: Final = Path(source.options["path"])

    @contextmanager
    def open(self) -> Iterator[FilesReading]:
        """Look whether the folder is there."""
        root = places.require_folder(self._root)
        yield FilesReading(self._source, self._scratch, f"folder {self._root}", lambda read: local(root, read.files))

    def trial(self) -> list[Check]:
        """Count the files."""
        root = places.require_folder(self._root)
        count = sum(1 for _ in islice((each for each in root.rglob("*") if each.is_file()), MOST_FILES))
        more = " or more" if count == MOST_FILES else ""
        detail = f"{self._root} can be read and holds {count}{more} files."
        return [Check("connection", is_ok=True, detail=detail)]


class FilesReading:
    """Files, each as it is when its turn comes; shared by folders and buckets."""

    consistency: Final = "files-unchanged-while-read"

    def __init__(
        self,
        source: Source,
        scratch: Path | None,
        what: str,
        files: Callable[[Read], Iterator[File]],
        *,
        worded: Callable[[Exception], SourceError | None] | None = None,
    ) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._what: Final = what
        self._files: Final = files
        self._further: Final = worded
        self.rewritten: Final[list[Rewrite]] = []

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of all files; see connector.Reading."""
        if selection.read is None:
            raise SourceRefused(
                f"The profile has source.{selection.way}, but this source is a place of files; write source.read, "
                "or name another source."
            )
        read = reads.parse(selection.read)
        stream = ordered.Stream(
            what=self._what,
            read=lambda: self._read(read, parameters),
            seconds=self._source.timeout_seconds,
            scratch=self._scratch,
            stop=lambda: None,
            worded=self._worded,
        )
        return ordered.batches(stream, key=key)

    def _read(self, read: Read, parameters: Mapping[str, object]) -> Iterator[pa.RecordBatch]:
        schema: pa.Schema | None = None
        for file in self._files(read):
            with file:
                for batch in READERS[read.format](file, read, self.rewritten if schema is None else []):
                    if schema is not None and batch.schema != schema:
                        raise SourceRefused(
                            f"{file.name} has other columns than the files before it. "
                            "Name the wanted columns in source.read.columns, or correct the file."
                        )
                    schema = batch.schema
                    yield filtering.kept(batch, read, parameters)
                file.require_unchanged()

    def _worded(self, error: Exception) -> SourceError | None:
        if self._further is not None and (found := self._further(error)) is not None:
            return found
        if isinstance(error, OSError):
            return SourceUnreachable(
                f"The {self._what} can't be read any more ({error.strerror or 'no reason given'}). "
                "Check its disk or its mount, then retry."
            )
        return None


def local(root: Path, pattern: str) -> Iterator[File]:
    """Yield the files below `root` that match, by name; SourceError when there is none or one lies outside."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise SourceRefused("source.read.files leads out of the folder of the source; correct it in the profile.")
    found: list[tuple[bytes, Path]] = []
    for path in root.glob(pattern):
        if len(found) >= MOST_FILES:
            raise SourceRefused(f"Over {MOST_FILES} files match source.read.files; choose a narrower pattern.")
        target = path.resolve()
        if not target.is_relative_to(root):
            raise SourceRefused(f"{path.relative_to(root)} is a link out of the folder of the source; remove it.")
        if target.is_file():
            found.append((os.fsencode(path.relative_to(root)), target))
    if not found:
        raise SourceUnreachable(
            f"No file in {root} matches {pattern!r}. Put it there, or correct source.read.files in the profile."
        )
    for name, target in sorted(found):
        yield File(os.fsdecode(name), target)
