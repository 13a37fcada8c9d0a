"""
What a claim took, as the database gave it.

Making values of a thousand rows takes as long as claiming them, and the turns of their tenants are held until the
commit.  So the ledger is told and the claim committed first; what is needed for that is read from the rows as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, partial
from typing import Final
from uuid import UUID

from lading import ids
from lading.db.transaction import Rows
from lading.jobs.marks import Taken
from lading.jobs.model import Fence, Job
from lading.jobs.rows import started_of

taken_of: Final = partial(tuple.__new__, Taken)
_TENANT, _ID, _ATTEMPT = (Taken._fields.index(name) for name in ("tenant_id", "id", "attempt"))


class Haul:
    """
    The jobs of one claim, with those that marks had hidden from its first look.

    `learn` is called once, with what the first look took, when values are made of it.
    """

    def __init__(
        self,
        first: Rows[Taken],
        hidden: Rows[Taken] | None,
        *,
        learn: Callable[[Sequence[Taken]], None],
    ) -> None:
        self._looks: Final = (first,) if hidden is None else (first, hidden)
        self._learn: Final = learn

    def __len__(self) -> int:
        return sum(map(len, self._looks))

    @cached_property
    def told(self) -> list[tuple[int, str]]:
        """Return for each job the number of its tenant and how the ledger names its attempt."""
        owner = cache(_number)  # few tenants have many jobs
        return [
            (owner(tenant), f"{ids.show_number(ids.JOB, _number(job))}:{attempt.decode()}")
            for rows in self._looks
            for tenant, job, attempt in zip(*map(rows.column, (_TENANT, _ID, _ATTEMPT)), strict=True)
        ]

    def taken(self, size: int | None = None) -> Iterator[list[Taken]]:
        """Yield the jobs as they were taken, all of a look or `size` of them at a time."""
        for place, rows in enumerate(self._looks):
            seen = list[Taken]()
            for taken in rows.values(size):
                seen += taken
                yield taken
            if place == 0:
                self._learn(seen)

    def started(self, lease_id: UUID, batch_id: UUID, size: int | None = None) -> Iterator[list[tuple[Job, Fence]]]:
        """Yield the jobs, claimed and started in one."""
        told = iter(self.told)
        for piece in self.taken(size):
            yield [
                (
                    started_of(taken, batch_id, next(told)[1]),
                    Fence(taken.tenant_id, taken.id, lease_id, taken.attempt),
                )
                for taken in piece
            ]


def _number(text: bytes) -> int:
    return int(text.replace(b"-", b""), 16)
