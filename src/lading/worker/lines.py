"""
The lines in which started jobs wait for a member of the crew: one for each tenant, served in turn.

A thousand jobs of one tenant are nothing that another's has to wait for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from lading.jobs.batches import Started


class Lines:
    """Jobs that wait; within a tenant first come, first served."""

    def __init__(self) -> None:
        self._lines: Final[dict[int, deque[Started]]] = {}  # by number: a UUID takes long to hash
        self._turns: Final[deque[int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._turns)

    def __contains__(self, job_id: UUID) -> bool:
        return any(fence.job_id == job_id for line in self._lines.values() for _, fence in line)

    def extend(self, jobs: Iterable[Started]) -> None:
        """Put each behind those of its tenant."""
        for started in jobs:
            owner = started[1].tenant_id.int
            line = self._lines.get(owner)
            if line is None:
                self._lines[owner] = deque((started,))
                self._turns.append(owner)
            else:
                line.append(started)

    def take(self) -> Started:
        """Take the first job of the tenant whose turn it is; its next comes after one of each of the others."""
        owner = self._turns.popleft()
        line = self._lines[owner]
        started = line.popleft()
        if line:
            self._turns.append(owner)
        else:
            del self._lines[owner]
        return started
