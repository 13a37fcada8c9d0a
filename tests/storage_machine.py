"""
A state machine over the real SQL and the real files of the artifact registry.

Hypothesis plays workers that store and publish the same few contents, people who delete, retention that expires, and
sweeps that collect, one step at a time: any of them may stop between two steps, for ever or until long after.  After
every step each published file must be there with its bytes; at the end nothing that nobody needs may be left.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from psycopg.rows import dict_row
from psycopg.sql import SQL

from lading import ids
from lading.artifacts import collector, registry
from lading.artifacts.blobs import BlobStore
from lading.artifacts.registry import Maker, StoredObject
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.errors import DatabaseBusy, StaleLease, StorageFailed
from lading.exports import placing, published, retention, store
from lading.exports import registry as profiles
from lading.exports.model import NewArtifact, Sealed
from lading.exports.service import blob_prefix
from lading.jobs import attempts
from lading.jobs.model import Fence
from lading.ledger.entry import SYSTEM
from lading.tenants import store as tenants
from tests.serving import PROFILE

T = TypeVar("T")

CONTENTS = [b"PK one", b"PK two"]
HASTE = SQL("SELECT set_config('lock_timeout', '30ms', true)")
EXPORT = SQL(
    "INSERT INTO exports (tenant_id, id, job_id, type, profile, revision, format, period_from, period_to, parameters, "
    "include_attachments, requested_by, status, started_at) VALUES (%(tenant)s, %(id)s, %(job)s, 'activity_report', "
    "'bufdir', 1, 'csv', '2024-01-01', '2024-12-31', '{}', false, 'test', 'running', now())"
)
JOB = SQL(
    "INSERT INTO jobs (tenant_id, id, kind, state, attempt, max_attempts, max_crashes, lease_id, claimed_at, "
    "started_at) VALUES (%(tenant)s, %(id)s, 'export', 'running', 1, 9, 9, %(lease)s, now(), now())"
)
HAND_ON = SQL("UPDATE jobs SET attempt = attempt + 1, lease_id = %(lease)s WHERE id = %(id)s AND attempt = %(attempt)s")
END = SQL("DELETE FROM jobs WHERE id = %(id)s")
PUBLISHED = (
    "SELECT export_id, artifacts.digest, objects.blob_key, objects.state FROM artifacts "
    "LEFT JOIN objects ON objects.tenant_id = artifacts.tenant_id AND objects.digest = artifacts.digest "
    "WHERE artifacts.tenant_id = %s"
)
KEPT = "SELECT digest, blob_key, state FROM objects WHERE tenant_id = %s"
_names = itertools.count()


@dataclass(eq=False)
class Publisher:
    """An attempt at an export: a process that may be behind the times."""

    export_id: UUID
    maker: Maker
    content: bytes
    sealed: Sealed
    is_placed: bool = False
    held: AbstractAsyncContextManager[Transaction] | None = None


@dataclass(eq=False)
class Doomed:
    """What a sweep saw, and has not finished with; it may never do, or much later."""

    seen: StoredObject
    is_deleted: bool = False


@dataclass(eq=False)
class Scan:
    """Files that a sweep found in the folder."""

    keys: list[str]
    doomed: list[str] = field(default_factory=list)


class StorageMachine(RuleBasedStateMachine):
    """The rules; set `url` to a migrated database before running it."""

    url: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.blobs = BlobStore(Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "blobs")
        self.database = Database(self.url, size=4)
        self.runner.run(self.database.open())
        self.reader = self.stack.enter_context(psycopg.connect(self.url, autocommit=True, row_factory=dict_row))
        self.publishers: list[Publisher] = []
        self.doomed: list[Doomed] = []
        self.scans: list[Scan] = []
        self.living: dict[UUID, str] = {}
        self.marking: tuple[AbstractAsyncContextManager[Transaction], Transaction, list[bytes]] | None = None

    def teardown(self) -> None:
        try:
            self._let_go()
            self.nothing_is_left_behind()
        finally:
            self._let_go()
            self.reader.execute("DELETE FROM jobs")
            self.runner.run(self.database.close())
            self.stack.close()

    # --- plumbing ---------------------------------------------------------------------------------

    def tenant(self, body: Callable[[Transaction], Awaitable[T]]) -> T:
        async def run() -> T:
            async with self.database.tenant(self.tenant_id) as tx:
                await tx.run(HASTE)
                return await body(tx)

        return self.runner.run(run())

    def hold(self) -> tuple[AbstractAsyncContextManager[Transaction], Transaction]:
        """Open a transaction that stays open over several steps."""

        async def run() -> tuple[AbstractAsyncContextManager[Transaction], Transaction]:
            opened = self.database.tenant(self.tenant_id)
            tx = await opened.__aenter__()
            await tx.run(HASTE)
            return opened, tx

        return self.runner.run(run())

    def release(self, held: AbstractAsyncContextManager[Transaction], error: BaseException | None = None) -> None:
        async def run() -> None:
            try:
                await held.__aexit__(type(error) if error else None, error, None)
            except RuntimeError as raised:
                if raised is not error:
                    raise

        self.runner.run(run())

    @property
    def is_quiet(self) -> bool:
        return self.marking is None and all(each.held is None for each in self.publishers)

    def _let_go(self) -> None:
        for each in self.publishers:
            if each.held is not None:
                self.release(each.held, RuntimeError("killed"))
                each.held = None
        if self.marking is not None:
            self.release(self.marking[0], RuntimeError("killed"))
            self.marking = None

    @initialize()
    def begin(self) -> None:
        async def run() -> UUID:
            async with self.database.system() as tx:
                made = await tenants.create_tenant(tx, f"tenant-{next(_names)}", name="T", actor=SYSTEM)
            async with self.database.tenant(made.id) as tx:
                await profiles.put(tx, PROFILE, actor=SYSTEM, activate=True)
            return made.id

        self.tenant_id = self.runner.run(run())

    # --- publishers -------------------------------------------------------------------------------

    @rule(content=st.sampled_from(CONTENTS))
    def ask(self, content: bytes) -> None:
        export_id, job_id, lease_id = ids.new(), ids.new(), ids.new()

        async def insert(tx: Transaction) -> None:
            await tx.run(EXPORT, tenant=self.tenant_id, id=export_id, job=job_id)
            await tx.run(JOB, tenant=self.tenant_id, id=job_id, lease=lease_id)

        self.tenant(insert)
        self._work(export_id, Maker(job_id, lease_id, 1, "activities"), content)

    def _work(self, export_id: UUID, maker: Maker, content: bytes) -> None:
        key = f"{blob_prefix(self.tenant_id, export_id)}/{maker.job_id}-{maker.attempt}/out/package.zip"
        with self.blobs.writer(key) as sink:
            sink.write(content)
        digest = hashlib.sha256(content).hexdigest()
        file = NewArtifact("report.zip", key, "application/zip", len(content), digest)
        rows = {"read": 1, "written": 1, "quarantined": 0, "duplicate": 0}
        self.publishers.append(Publisher(export_id, maker, content, Sealed([file], rows, [], digest)))

    @precondition(lambda self: self.publishers)
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        """A worker loses its lease and does not know; another attempt begins."""
        lost = data.draw(st.sampled_from(self.publishers))
        lease_id, maker = ids.new(), lost.maker
        if lost.held is not None:
            return
        moved = self.tenant(lambda tx: tx.run(HAND_ON, id=maker.job_id, attempt=maker.attempt, lease=lease_id))
        if moved:
            self._work(lost.export_id, Maker(maker.job_id, lease_id, maker.attempt + 1, "activities"), lost.content)

    @precondition(lambda self: any(not each.is_placed for each in self.publishers))
    @rule(data=st.data())
    def place(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from([each for each in self.publishers if not each.is_placed]))
        try:
            chosen.sealed = self.runner.run(
                placing.place(self.database, self.blobs, self.tenant_id, chosen.sealed, chosen.maker)
            )
        except StorageFailed:
            self.publishers.remove(chosen)  # its working file was collected: its export is over
            return
        chosen.is_placed = True

    @precondition(lambda self: any(each.is_placed and each.held is None for each in self.publishers))
    @rule(data=st.data(), is_held=st.booleans())
    def publish(self, data: st.DataObject, is_held: bool) -> None:
        """Commit, or do all but that."""
        chosen = data.draw(st.sampled_from([each for each in self.publishers if each.is_placed and each.held is None]))
        self._publish(chosen)
        if chosen.held is not None and not is_held:
            self._commit(chosen)

    def _publish(self, chosen: Publisher) -> None:
        """Hold a transaction with all of the publication, unless it is refused."""
        held, tx = self.hold()
        try:
            self.runner.run(self._complete(tx, chosen))
        except (StaleLease, psycopg.errors.LockNotAvailable) as error:
            with suppress(StaleLease, DatabaseBusy):
                self.release(held, error)
            if isinstance(error, StaleLease):
                self.publishers.remove(chosen)
            return
        except BaseException:
            self.release(held, RuntimeError("failed"))
            raise
        chosen.held = held

    async def _complete(self, tx: Transaction, chosen: Publisher) -> None:
        maker = chosen.maker
        assert maker.lease_id is not None
        await attempts.guard(tx, Fence(self.tenant_id, maker.job_id, maker.lease_id, maker.attempt))
        await tx.run(END, id=maker.job_id)
        await store.complete(tx, chosen.export_id, chosen.sealed, actor=SYSTEM, maker=maker, retention_days=30)

    @precondition(lambda self: self.is_quiet and self._rivals)
    @rule(data=st.data())
    def publish_while_the_same_is_marked(self, data: st.DataObject) -> None:
        """The last export with some content goes, and another one with it comes between a sweep's look and its mark."""
        chosen = data.draw(st.sampled_from(self._rivals))
        for export_id in [each for each, digest in self.living.items() if digest == chosen.sealed.package_sha256]:
            self.tenant(lambda tx, gone=export_id: store.delete(tx, gone, actor=SYSTEM))
            del self.living[export_id]
        self.begin_to_mark()
        self._publish(chosen)
        if chosen.held is not None:
            self._commit(chosen)
        self.end_marking()

    @property
    def _rivals(self) -> list[Publisher]:
        """Return those that could publish now what is published already."""
        known = set(self.living.values())
        return [each for each in self.publishers if each.is_placed and each.sealed.package_sha256 in known]

    @precondition(lambda self: any(each.held is not None for each in self.publishers))
    @rule(data=st.data(), is_killed=st.booleans())
    def end_transaction(self, data: st.DataObject, is_killed: bool) -> None:
        chosen = data.draw(st.sampled_from([each for each in self.publishers if each.held is not None]))
        if is_killed:
            assert chosen.held is not None
            self.release(chosen.held, RuntimeError("killed"))
            chosen.held = None
        else:
            self._commit(chosen)

    def _commit(self, chosen: Publisher) -> None:
        assert chosen.held is not None
        held, chosen.held = chosen.held, None
        self.release(held)
        self.publishers.remove(chosen)
        self.living[chosen.export_id] = hashlib.sha256(chosen.content).hexdigest()

    # --- people and retention ---------------------------------------------------------------------

    @precondition(lambda self: self.living)
    @rule(data=st.data(), is_expiry=st.booleans())
    def unpublish(self, data: st.DataObject, is_expiry: bool) -> None:
        """Delete or expire, and die before anything is collected."""
        export_id = data.draw(st.sampled_from(sorted(self.living)))
        change = store.expire if is_expiry else store.delete
        dropped = self.tenant(lambda tx: change(tx, export_id, actor=SYSTEM))

        assert dropped == [self.living.pop(export_id)]

    # --- sweeps, step by step ---------------------------------------------------------------------

    @rule()
    def mark(self) -> None:
        async def run(tx: Transaction) -> None:
            locked = await registry.lock_unreferenced(tx, grace_seconds=0, limit=10)
            await registry.tombstone(tx, locked, actor=SYSTEM)

        self.tenant(run)

    @precondition(lambda self: self.marking is None)
    @rule()
    def begin_to_mark(self) -> None:
        held, tx = self.hold()
        locked = self.runner.run(registry.lock_unreferenced(tx, grace_seconds=0, limit=10))
        self.marking = (held, tx, locked)

    @precondition(lambda self: self.marking is not None)
    @rule()
    def end_marking(self) -> None:
        assert self.marking is not None
        (held, tx, locked), self.marking = self.marking, None
        try:
            self.runner.run(registry.tombstone(tx, locked, actor=SYSTEM))
        except BaseException:
            self.release(held, RuntimeError("failed"))
            raise
        self.release(held)

    @rule()
    def look(self) -> None:
        self.doomed += map(Doomed, self.tenant(lambda tx: registry.tombstoned(tx, after="", limit=10)))

    @precondition(lambda self: self.doomed)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.doomed))
        chosen.is_deleted = collector.delete(self.blobs, chosen.seen)

    @precondition(lambda self: any(each.is_deleted for each in self.doomed))
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from([each for each in self.doomed if each.is_deleted]))
        try:
            self.tenant(lambda tx: registry.forget(tx, chosen.seen, actor=SYSTEM))
        except DatabaseBusy:
            return
        self.doomed.remove(chosen)

    @rule()
    def scan(self) -> None:
        folder = registry.folder_of(self.tenant_id)
        self.scans.append(Scan(list(self.blobs.aged(folder, older_than_seconds=0))))

    @precondition(lambda self: self.scans)
    @rule(data=st.data())
    def compare(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self.scans))
        chosen.doomed = self.tenant(lambda tx: published.unclaimed(tx, chosen.keys))

    @precondition(lambda self: any(each.doomed for each in self.scans))
    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from([each for each in self.scans if each.doomed]))
        for key in chosen.doomed:
            self.blobs.delete(key)
        self.scans.remove(chosen)

    @precondition(lambda self: self.is_quiet)
    @rule()
    def sweep(self) -> None:
        self.runner.run(retention.collect(self.database, self.blobs, grace_seconds=0))

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def what_is_published_is_there(self) -> None:
        if not hasattr(self, "tenant_id"):
            return
        rows = self.reader.execute(PUBLISHED, [self.tenant_id]).fetchall()
        assert {row["export_id"]: bytes(row["digest"]).hex() for row in rows} == self.living
        for row in rows:
            assert row["state"] == "live", "an artifact points at no object, or at a tombstone"
            assert self.blobs.exists(row["blob_key"]), "an artifact points at a file that is gone"
            assert self.blobs.digest(row["blob_key"]) == bytes(row["digest"]).hex()

    def nothing_is_left_behind(self) -> None:
        """Two sweeps after the last attempt has ended, only what is published is kept, and each content once."""
        if not hasattr(self, "tenant_id"):
            return
        self.reader.execute("DELETE FROM jobs WHERE tenant_id = %s", [self.tenant_id])
        for _ in range(2):
            self.sweep()
        self.what_is_published_is_there()
        kept: list[dict[str, Any]] = self.reader.execute(KEPT, [self.tenant_id]).fetchall()
        assert {row["state"] for row in kept} <= {"live"}
        assert {bytes(row["digest"]).hex() for row in kept} == set(self.living.values())
        folder = registry.folder_of(self.tenant_id)
        assert sorted(self.blobs.aged(folder, older_than_seconds=0)) == sorted(row["blob_key"] for row in kept)
