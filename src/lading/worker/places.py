"""The places of a light executor: how many are taken by jobs it holds or asks for, and how many each tenant holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from lading.jobs.batches import Started
from lading.worker import pace


class Places:
    """
    `most` places.

    An exchange puts what it claims in the places of what it settles: it needs as many as the larger of the two.
    """

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._holding: Final = Counter[int]()
        self.taken = 0
        """How many are held or kept for what was asked for."""

    @contextmanager
    def kept(self, ended: Sequence[Started], room: int) -> Iterator[None]:
        """Keep places for up to `room` jobs while an exchange settles `ended`; then both are free."""
        more = max(0, room - len(ended))
        self.taken += more
        try:
            yield
        finally:
            self.taken -= more + len(ended)
        self._forget(ended)

    def hold(self, started: Sequence[Started]) -> None:
        """Give each of these its place."""
        self.taken += len(started)
        self._holding.update(_owners(started))

    def let_go(self, ended: Sequence[Started]) -> None:
        """Hold these no longer."""
        self.taken -= len(ended)
        self._forget(ended)

    def beside(self, ended: Sequence[Started] = ()) -> pace.Beside:
        """Return what to claim beside the pumps in an exchange that settles `ended`."""
        left = self._holding - Counter(_owners(ended)) if ended else self._holding
        return pace.beside(self._most, left, taken=self.taken - len(ended))

    def _forget(self, ended: Iterable[Started]) -> None:
        for owner in _owners(ended):
            self._holding[owner] -= 1
            if not self._holding[owner]:
                del self._holding[owner]


def _owners(jobs: Iterable[Started]) -> list[int]:
    return [fence.tenant_id.int for _, fence in jobs]  # by number: a UUID takes long to hash
