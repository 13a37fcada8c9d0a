"""
The pages of an API that an attempt has read, kept for the next: rows in a file, and in the database where it goes on.

A run of pages counts once its row is committed, under the fence of the attempt that read it; its file lies among the
working files of that attempt, and both go when the export is over.  A run whose file is gone or changed is read anew,
with all behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa
from psycopg.types.json import Jsonb
from pyarrow import ipc

from lading import failpoints
from lading.db.statements import Statements
from lading.db.transaction import Row, Transaction
from lading.errors import DatabaseUnavailable
from lading.exports.stages.work import Work, is_intact
from lading.jobs import attempts
from lading.jobs.model import Fence
from lading.sources.outside import Kept

_SQL: Final = Statements("lading.exports")


class PageBook:
    """What an attempt remembers of its pages (sources.outside.Book); called in the thread that reads."""

    def __init__(self, work: Work) -> None:
        self._work: Final = work

    def kept(self, mark: str) -> Sequence[Kept]:
        """Return the runs that are whole, in their order, up to the first that is not."""

        async def find(tx: Transaction) -> Sequence[Row]:
            return await tx.all(_SQL["pages"], **self._named(tx, mark))

        found: list[Kept] = []
        for row in self._work.ask(find):
            facts = row["result"]["file"]
            if row["number"] != len(found) or not is_intact(self._work.blobs, facts):
                break
            found.append(Kept(self._work.blobs.path(facts["key"]), row["result"]["state"]))
        return found

    def keep(self, mark: str, number: int, state: Mapping[str, Any], rows: Sequence[pa.RecordBatch]) -> bool:
        """Make a run durable, instead of any from this number on; False when the database is away."""
        name = f"pages/{mark[:16]}-{number:05}.arrow"
        with self._work.blobs.writer(self._work.key(name)) as sink:
            options = ipc.IpcWriteOptions(compression="lz4")
            with ipc.new_file(sink, rows[0].schema, options=options) as writer:
                for batch in rows:
                    writer.write_batch(batch)
        failpoints.reach("pages.written")
        result = {"file": self._work.facts(name), "state": state}

        async def put(tx: Transaction) -> None:
            fence = await self._guard(tx)
            await tx.run(_SQL["pages_cut"], **self._named(tx, mark), number=number)
            await tx.run(
                _SQL["pages_put"],
                **self._named(tx, mark),
                number=number,
                result=Jsonb(result),
                job_id=fence.job_id,
                attempt=fence.attempt,
            )

        try:
            self._work.ask(put)
        except DatabaseUnavailable:
            return False  # it is kept with the next
        failpoints.reach("pages.kept")
        return True

    def forget(self, mark: str) -> None:
        """Let the next attempt begin at the first page."""

        async def cut(tx: Transaction) -> None:
            await self._guard(tx)
            await tx.run(_SQL["pages_cut"], **self._named(tx, mark), number=0)

        with suppress(DatabaseUnavailable):  # the next attempt finds the same, and tries once more
            self._work.ask(cut)

    async def _guard(self, tx: Transaction) -> Fence:
        fence = self._work.fence
        assert fence is not None
        await attempts.guard(tx, fence)
        await attempts.progressed(tx, fence)
        return fence

    def _named(self, tx: Transaction, mark: str) -> dict[str, Any]:
        return {"tenant_id": tx.tenant, "export_id": self._work.export.id, "mark": mark}
