"""
What a stage is given: values and files, no database.

A stage is a function `(Work) -> Result`; its result is plain JSON that the pipeline checkpoints.  Files it makes lie
below `prefix`, which contains the attempt, so that a worker that lost its lease can't overwrite what its successor
made; they count only once a checkpoint points at them.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from lading.artifacts.blobs import BlobStore, storing
from lading.db.transaction import Transaction
from lading.exports.model import Stage, StoredExport
from lading.exports.profile import Profile
from lading.jobs.model import Fence
from lading.ledger.trust import Signing
from lading.sources.guard import Network
from lading.sources.model import Source

if TYPE_CHECKING:
    from concurrent.futures import Future

Result: TypeAlias = Mapping[str, Any]
T = TypeVar("T")


class Asking(Protocol):
    """Answers a question to Lading's own database, in a transaction of the tenant that ends with the answer."""

    def __call__(self, question: Callable[[Transaction], Awaitable[T]], /) -> T:
        """Return the answer; waits for it."""
        ...


def nobody_to_ask(_question: Callable[[Transaction], Awaitable[T]], /) -> T:
    """Refuse: most stages work on values and files alone."""
    raise RuntimeError("this stage has no database to ask")


@dataclass(frozen=True, slots=True)
class Work:
    """
    One stage's input.

    `results` holds what the stages before it returned.  `advance(done, total)` reports rows and raises Stopped when the
    attempt has to stop; call it between batches.  `ask` is for the types that report Lading's own records, and for a
    turn to call the source; what it writes is written under `fence`.  `networks` are those beside public ones that the
    source may be called in.  `intake` gives what the stage before is making, for a stage that runs ahead (`flow`);
    `outlet` takes what the next one can begin with.  `packed` is the report's text, deflated while it was written.
    """

    export: StoredExport
    profile: Profile
    profile_digest: str
    source: Source
    blobs: BlobStore
    prefix: str
    salt: bytes
    signer: Signing
    trust_file: Path
    results: Mapping[Stage, Result]
    advance: Callable[[int, int | None], None]
    ask: Asking = nobody_to_ask
    fence: Fence | None = None
    networks: Sequence[Network] = ()
    intake: Any = None
    outlet: Any = None
    packed: Future[Any] | None = None

    def key(self, name: str) -> str:
        """Return the blob key of a file of this attempt."""
        return f"{self.prefix}/{name}"

    def folder(self, name: str) -> Path:
        """Return a folder of this attempt, made if need be."""
        path = self.blobs.path(self.key(name))
        with storing(path):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def seal(self, name: str, *, sha256: str | None = None) -> dict[str, Any]:
        """Make the file `name` durable and return what a checkpoint remembers of it, by its digest if it is known."""
        path = self.blobs.path(self.key(name))
        with storing(path):
            for target in (path, path.parent):
                descriptor = os.open(target, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        return self.facts(name, sha256=sha256)

    def facts(self, name: str, *, sha256: str | None = None) -> dict[str, Any]:
        """Return what a checkpoint remembers of a file, which is read for its digest if that is not known."""
        key = self.key(name)
        return {"key": key, "size": self.blobs.size(key), "sha256": sha256 or self.blobs.digest(key)}

    def file(self, stage: Stage, name: str) -> Path:
        """Return where a file of an earlier stage lies."""
        return self.blobs.path(self.results[stage]["files"][name]["key"])


class Stopped(Exception):
    """The attempt was asked to stop."""


def is_intact(blobs: BlobStore, facts: Mapping[str, Any]) -> bool:
    """Return True when the file of a checkpoint is there with the bytes it had."""
    return blobs.is_whole(facts["key"], size=facts["size"], sha256=facts["sha256"])
