# Made from lading/client/aio/proofs.py by scripts/sync_client.py; change it there.
"""Proofs about a tenant's ledger and the instance's log through the API; nothing is checked here."""

from __future__ import annotations

from typing import Final

from lading.client.sync.caching import derived
from lading.client.sync.session import Session
from lading.wire.proofs import Consistency, FrontierHashes, Inclusion, InstanceHead

_API: Final = "/api/v1/ledger"


class Proofs:
    """What proves entries, heads and growth of the ledger of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def inclusion(self, index: int, *, size: int | None = None) -> Inclusion:
        """Return the path from the entry at the place `index` to the root at `size` leaves, the newest if not given."""
        query = {"index": str(index), "size": size}
        return self._session.fetch(Inclusion, "GET", f"{_API}/proofs/inclusion", query=query)

    def consistency(self, old: int, new: int, *, epoch: int | None = None) -> Consistency:
        """Return the proof that the tree at `old` leaves is the beginning of the one at `new`."""
        query = {"from": str(old), "to": str(new), "epoch": epoch}
        path = f"{_API}/proofs/consistency"
        if epoch is None:  # after a restore the same sizes are those of another tree
            return self._session.fetch(Consistency, "GET", path, query=query)
        return derived(self._session, Consistency, "GET", path, name="ledger/proofs", query=query)

    def frontier(self, size: int, *, epoch: int | None = None) -> FrontierHashes:
        """Return what must be known of the first `size` leaves to recompute the tree from the others."""
        query = {"size": str(size), "epoch": epoch}
        return self._session.fetch(FrontierHashes, "GET", f"{_API}/proofs/frontier", query=query)

    def checkpoint(self, *, epoch: int | None = None) -> str:
        """Return the newest signed head, byte for byte; of an earlier tree, if an epoch is named."""
        return (self._session.call("GET", f"{_API}/log/checkpoint", query={"epoch": epoch})).text

    def tile(self, path: str, *, epoch: int | None = None) -> bytes:
        """Return the tile at a path below `tile/` of C2SP tlog-tiles; of an earlier tree, if an epoch is named."""
        return (self._session.call("GET", f"{_API}/log/tile/{path}", query={"epoch": epoch})).content

    def instance_head(self) -> InstanceHead:
        """Return the newest signed head of the log over all tenants."""
        return self._session.fetch(InstanceHead, "GET", f"{_API}/instance/head")

    def instance_consistency(self, old: int, new: int) -> Consistency:
        """Return the proof that the log over all tenants at `old` leaves is the beginning of the one at `new`."""
        query = {"from": str(old), "to": str(new)}
        return self._session.fetch(Consistency, "GET", f"{_API}/instance/consistency", query=query)

    def instance_inclusion(self, *, size: int | None = None) -> bytes:
        """Return the proof (C2SP tlog-proof) that a head of the tenant is in that log: at `size`, or the newest."""
        answer = self._session.call("GET", f"{_API}/instance/inclusion", query={"size": size})
        return answer.content
