"""What a connector that calls out is given beside its source: where it may go, and whose turn it is.  Light."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lading.sources.guard import Network, Resolver, look_up

if TYPE_CHECKING:  # the API tries sources, and must not load what only an executor needs
    import pyarrow as pa


class Calls(Protocol):
    """Whether one more call may go out to the source; asked before each, from any thread."""

    def take(self) -> float:
        """Take the right to one call and return 0, or return the seconds after which to ask again."""
        ...

    def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
        """Tell that the source answered with a 429, when it was called that often."""
        ...


class Unlimited:
    """Calls that nobody limits."""

    def take(self) -> float:
        """Return 0."""
        return 0.0

    def refused(self, retry_after_seconds: float | None, *, calls_per_second: float) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A run of pages that an earlier attempt read: its rows as an Arrow file, and how it went on."""

    rows: Path
    state: Mapping[str, Any]


class Book(Protocol):
    """What is remembered of pages beyond the attempt that read them; `mark` tells one reading from another."""

    def kept(self, mark: str) -> Sequence[Kept]:
        """Return the runs of pages that were read, in their order."""
        ...

    def keep(self, mark: str, number: int, state: Mapping[str, Any], rows: Sequence[pa.RecordBatch]) -> bool:
        """Make a run durable, instead of any from this number on; return False when that can't be now."""
        ...

    def forget(self, mark: str) -> None:
        """Remember none of it."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """
    The surroundings of a source that is called over the network.

    `networks` are those that the operator allows beside public addresses.  With `is_glance` somebody looks at the first
    page alone and waits for it: nothing is tried twice.  `book` has the pages that earlier attempts read.
    """

    networks: Sequence[Network] = ()
    calls: Calls = field(default_factory=Unlimited)
    resolve: Resolver = look_up
    is_glance: bool = False
    book: Book | None = None
    folder: Path | None = None
    is_cancelled: Callable[[], bool] = bool
