"""What a batch of exports comes to: one item for each request, in their order, and how many went well."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lading.client.faults import plain
from lading.client.polling import DEADLINE_SECONDS
from lading.client.recovery import Recovery
from lading.errors import InvalidInput, LadingError, NotFound, WaitTimeout
from lading.wire.exports import Export, ExportRequest

CONCURRENCY: Final = 5
MOST_CONCURRENT: Final = 10
"""As many as a pool has connections."""

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")

Alternative = Callable[[ExportRequest, LadingError], ExportRequest | None]
"""Returns what to ask for instead of a request that failed, None if there is nothing."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An export that is completed, and its package on this disk; `path` is None where no folder was given."""

    export: Export
    path: Path | None


@dataclass(frozen=True, slots=True)
class BatchItem:
    """
    One request of a batch and how far it came.

    `state` is waiting, running, completed, failed, timed-out or skipped (nothing was asked after a failure, with
    `fail_fast`).  `is_resumed` says that an earlier process had begun it.
    """

    index: int
    request: ExportRequest
    key: str
    state: str = "waiting"
    export: Export | None = None
    export_id: str | None = None
    path: Path | None = None
    error: LadingError | None = None
    seconds: float = 0.0
    is_resumed: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether this run does nothing more for it."""
        return self.state not in {"waiting", "running"}


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Every item, in the order of the requests, and the count of them."""

    items: Sequence[BatchItem]
    seconds: float

    @property
    def total(self) -> int:
        """Return how many requests there were."""
        return len(self.items)

    @property
    def succeeded(self) -> int:
        """Return how many are completed, and fetched where that was asked."""
        return sum(each.state == "completed" for each in self.items)

    @property
    def failed(self) -> int:
        """Return how many are not, for whatever reason."""
        return self.total - self.succeeded


@dataclass(frozen=True, slots=True)
class Terms:
    """How every item of a batch, or the one of a run, is had: where it goes, how patiently, what is tried after all."""

    folder: Path | None = None
    timeout: float | None = DEADLINE_SECONDS
    recovery: Recovery = field(default_factory=Recovery)
    alternative: Alternative | None = None


def asked(request: ExportRequest) -> dict[str, Any]:
    """Return what of a request is said, as the journal and the server have it: a tuple is a list there."""
    said = {name: value for name in request.__slots__ if (value := getattr(request, name)) is not None}
    try:
        found: dict[str, Any] = json.loads(json.dumps(said, allow_nan=False, default=_mapping))
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput(f"The request holds what JSON has no way to write ({error}); correct it.") from error
    return found


def _mapping(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def batch_name(whose: Sequence[str | None], folder: Path | None, requests: Sequence[Mapping[str, Any]]) -> str:
    """Return what the same batch is called when it is begun again; `whose` is the server, the tenant, the account."""
    text = json.dumps([*whose, str(folder), *requests], sort_keys=True)
    return f"batch-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def run_name(whose: Sequence[str | None], key: str) -> str:
    """
    Return what a run with this idempotency key is called; a key is one tenant's.

    >>> run_name(["http://lading.test", None, "nordlys"], "../k").startswith("run-")
    True
    """
    return f"run-{hashlib.sha256(json.dumps([*whose, key]).encode()).hexdigest()[:32]}"


def folder_for(folder: Path, export_id: str) -> Path:
    """Return where the files of an export go; NotFound for an id that could leave the folder."""
    if not _PLAIN_ID.fullmatch(export_id):
        raise NotFound(f"The server calls the export {plain(export_id[:80])!r}, which is no id; nothing is stored.")
    return folder / export_id


def ended_as(error: LadingError) -> str:
    """
    Return the state of an item that `error` ended.

    >>> ended_as(WaitTimeout("late"))
    'timed-out'
    """
    return "timed-out" if isinstance(error, WaitTimeout) else "failed"
