"""JSON shape of the ledger in API v1; its entries are NDJSON, the exact lines that were hashed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtractManifest:
    """
    What an extract of the ledger holds: the entries from `start` to before `end`, counted, and their SHA-256.

    `tree_size` and `root_sha256` are of the newest signed head, which covers them.
    """

    tenant: str
    start: str
    end: str
    format: str
    entries: int
    bytes: int
    sha256: str
    tree_size: int
    root_sha256: str


@dataclass(frozen=True, slots=True)
class Head:
    """
    The newest signed head of the tenant's tree; `note` is the C2SP checkpoint, byte for byte.

    Its `size` leaves are the entries from the place `base` on; those below `min_index` may have been pruned.
    """

    size: int
    root_sha256: str
    note: str
    signed_at: str
    epoch: int = 1
    base: int = 0
    min_index: int = 0
