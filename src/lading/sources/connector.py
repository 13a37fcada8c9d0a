"""
What every kind of source can do, whatever it is: be opened and read, and be tried.

A stage knows these protocols and `connectors.connect`, never a kind.  Whoever reads gets the same promises from each:
rows in the order of a key that tells them apart, batches of a fixed size, bounded memory, a time limit, and one
sentence with the mend when it does not work (SourceError).  tests/db/test_connectors.py holds each kind to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lading.sources.model import Check, KeyRange, Rewrite, Selection, Size

if TYPE_CHECKING:  # the API knows connectors, and must not load what only an executor needs
    import pyarrow as pa


class Reading(Protocol):
    """
    One look at a source; everything read in it agrees as far as `consistency` says.  One stream at a time.

    `rewritten` grows with what was read otherwise than it stands there.
    """

    @property
    def consistency(self) -> str:
        """Return what the rows of this reading have in common: the manifest's word."""
        ...

    @property
    def rewritten(self) -> Sequence[Rewrite]:
        """Return the columns that were not read as they stand."""
        ...

    def batches(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """
        Yield the rows of `selection` in the order of `key`, 16,384 to a batch, fewer where they are wide.

        There is always a first batch, empty if need be, so that the columns are known.  Empty ones may come between:
        a sign of life, so that whoever reads can stop.
        """
        ...


@runtime_checkable
class PartedReading(Reading, Protocol):
    """A reading of a source that finds the rows of a range of keys without reading those before it."""

    def boundaries(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], size: Size
    ) -> Iterator[tuple[str, ...]]:
        """Yield, in order, the keys at which parts of this size end; a key that is empty is SourceRefused."""
        ...

    def part(
        self, selection: Selection, parameters: Mapping[str, object], *, key: Sequence[str], within: KeyRange
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `batches` whose keys lie `within`, in the same order."""
        ...


@runtime_checkable
class FetchingReading(Reading, Protocol):
    """A reading of a source that hands out files of its own; its lists of attachments name files beside `fetched`."""

    @property
    def fetched(self) -> Path | None:
        """Return the file that was fetched for the package, once the rows have been read."""
        ...


class Connector(Protocol):
    """How one source is reached; makes no connection until asked."""

    def open(self) -> AbstractContextManager[Reading]:
        """Return a reading; SourceError when there can be none."""
        ...

    def trial(self) -> list[Check]:
        """Return what was found when the source was tried; SourceError when it could not be reached at all."""
        ...
