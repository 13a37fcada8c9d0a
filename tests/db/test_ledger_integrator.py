"""Whatever happens to integrators, every committed entry gets one place in its tree, in causal order."""  # A1

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from tests.ledgers import SIGNER, TRUST, plant

from lading.db.database import Database
from lading.ledger import heads, store, tiles
from lading.ledger.entry import Actor, Entry
from lading.ledger.integrator import Guard, integrate
from lading.ledger.marks import Marks
from lading.ledger.merkle import root_of
from lading.ledger.offline import verify_lines

pytestmark = pytest.mark.anyio


# An integrator that stops in the middle of its transaction, says so, and waits for its end.
STUCK = """
import asyncio, sys
from lading.db.database import Database
from lading.ledger.integrator import integrate
from lading.ledger.keys import Signer

class Stuck(Signer):
    __slots__ = ()
    def sign(self, message):
        print("signing", flush=True)
        sys.stdin.read()

async def main():
    database = Database(sys.argv[1])
    await database.open()
    await integrate(database, Stuck.generate("log"), origin_prefix="test")

asyncio.run(main())
"""


# An integrator that dies at a point that the environment names.
MORTAL = """
import asyncio, sys
from pathlib import Path
from lading.db.database import Database
from lading.ledger.integrator import Guard, integrate
from lading.ledger.keys import Signer
from lading.ledger.marks import Marks

async def main():
    database = Database(sys.argv[1])
    await database.open()
    guard = Guard(Marks(Path(sys.argv[2])))
    await integrate(database, Signer.generate("log"), origin_prefix="test", guard=guard)

asyncio.run(main())
"""


@pytest.fixture
async def tenant(database: Database) -> UUID:
    return await plant(database, "acme")


def entry(rev: int, subject: str = "job_1", kind: str = "job.started") -> Entry:
    return Entry(kind, subject, Actor("worker", "lse_1"), rev=rev)


async def write(database: Database, tenant: UUID, *written: Entry) -> None:
    async with database.tenant(tenant) as tx:
        await store.record(tx, *written)


async def step(database: Database, limit: int = 4096) -> int:
    return await integrate(database, SIGNER, origin_prefix="test", limit=limit)


async def ledger(database: Database, tenant: UUID) -> Sequence[bytes]:
    """The lines of the tree, checked against the head that the database holds."""
    async with database.tenant(tenant) as tx:
        lines: list[bytes] = []
        while page := await store.entries(tx, first=len(lines), limit=1000):
            assert [each.index for each in page] == list(range(len(lines), len(lines) + len(page)))
            lines.extend(each.line for each in page)
        head = await store.head(tx)
    assert head is not None
    assert verify_lines(lines, head.note, TRUST).size == len(lines) == head.size
    assert head.root == root_of(lines)
    return lines


def revs(lines: Sequence[bytes]) -> list[int]:
    return [json.loads(line)["rev"] for line in lines]


async def test_each_tenant_has_a_tree_of_its_own(database: Database, tenant: UUID) -> None:
    other = await plant(database, "bolt")
    await write(database, tenant, entry(1), entry(2))
    await write(database, other, entry(3))
    await write(database, tenant, entry(4))

    assert await step(database) == 4
    assert await step(database) == 0

    assert revs(await ledger(database, tenant)) == [1, 2, 4]
    assert revs(await ledger(database, other)) == [3]
    async with database.tenant(other) as tx:
        head = await store.head(tx)
    assert head is not None
    assert heads.verify(head.note, TRUST).origin == "test/t/bolt"


async def test_batches_continue_the_tree(database: Database, tenant: UUID) -> None:
    await write(database, tenant, *(entry(number) for number in range(25)))

    assert [await step(database, 7) for _ in range(5)] == [7, 7, 7, 4, 0]
    assert revs(await ledger(database, tenant)) == list(range(25))


async def test_an_entry_that_commits_late_is_not_lost(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as late:
        await store.record(late, entry(1, "job_late"))
        await write(database, tenant, entry(2, "job_early"))
        assert await step(database) == 1

    assert await step(database) == 1
    assert revs(await ledger(database, tenant)) == [2, 1]


async def test_a_receipt_stays_the_same(database: Database, tenant: UUID) -> None:
    await write(database, tenant, entry(1, "exp_1", "export.completed"))
    async with database.tenant(tenant) as tx:
        assert await store.receipt(tx, "exp_1", "export.completed") is None
        assert await store.head(tx) is None

    await step(database)
    async with database.tenant(tenant) as tx:
        receipt = await store.receipt(tx, "exp_1", "export.completed")
        assert await store.receipt(tx, "exp_1", "export.failed") is None
    await write(database, tenant, entry(2))
    await step(database)

    assert receipt is not None
    assert (receipt.entry.index, receipt.head.size) == (0, 1)
    assert heads.verify(receipt.head.note, TRUST).root == root_of([receipt.entry.line])
    async with database.tenant(tenant) as tx:
        assert await store.receipt(tx, "exp_1", "export.completed") == receipt


async def test_history_shows_an_entry_once_before_and_after(database: Database, tenant: UUID) -> None:
    await write(database, tenant, entry(1), entry(9, "job_2"))
    await step(database)
    await write(database, tenant, entry(2))

    async with database.tenant(tenant) as tx:
        lines = await store.history(tx, "job_1")
        filtered = await store.entries(tx, first=0, limit=10, subject="job_2")

    assert revs(lines) == [1, 2]
    assert [each.index for each in filtered] == [1]


async def test_no_tenant_reads_anothers_tree(database: Database, tenant: UUID) -> None:
    other = await plant(database, "bolt")
    await write(database, tenant, entry(1))
    await step(database)

    async with database.tenant(other) as tx:
        assert await store.entries(tx, first=0, limit=10) == []
        assert await store.head(tx) is None
        cursor = await tx.connection.execute("SELECT count(*) AS n FROM ledger_entries")
        assert await cursor.fetchone() == {"n": 0}


async def refused(database: Database, tenant: UUID, who: str, statement: str) -> bool:
    opened = {
        "app": lambda: database.tenant(tenant), "ledger": database.ledger, "system": database.system,
    }  # fmt: skip
    try:
        if who == "owner":
            async with database.connection() as connection:
                await connection.execute(statement.encode())
        else:
            async with opened[who]() as tx:
                await tx.connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


async def test_the_database_refuses_to_change_what_was_written(database: Database, tenant: UUID) -> None:
    await write(database, tenant, entry(1))
    await step(database)
    await write(database, tenant, entry(2))
    forbidden = [
        (who, change.format(table))
        for who in ("owner", "app", "ledger", "system")
        for table in ("ledger_entries", "signed_heads", "ledger_pending")
        for change in ("UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE")
        # The integrator empties the outbox; nothing else may.
        if not (table == "ledger_pending" and change == "DELETE FROM {}" and who in {"owner", "ledger"})
    ]

    allowed = [each for each in forbidden if not await refused(database, tenant, *each)]

    assert allowed == []
    assert revs(await ledger(database, tenant)) == [1]


async def test_a_killed_integrator_loses_and_doubles_nothing(database: Database, tenant: UUID) -> None:
    await write(database, tenant, *(entry(number) for number in range(10)))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STUCK, database.url, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"signing\n"

    # It holds the lock in the middle of its transaction: others yield, readers see the state before.
    await write(database, tenant, entry(10))
    assert await step(database) == 0
    async with database.tenant(tenant) as tx:
        assert revs(await store.history(tx, "job_1")) == list(range(11))
    child.kill()
    await child.wait()

    async with asyncio.timeout(120):
        while await step(database) == 0:  # each turn asks the server, which soon notices that the child is gone
            pass
    assert revs(await ledger(database, tenant)) == list(range(11))


@pytest.mark.parametrize("point", ["moved", "tiled", "grown", "signed", "committed"])
async def test_an_integrator_killed_at_any_point_loses_and_reorders_nothing(
    database: Database, tenant: UUID, tmp_path: Path, point: str
) -> None:
    await write(database, tenant, *(entry(number) for number in range(250)))
    await step(database)
    await write(database, tenant, *(entry(number) for number in range(250, 600)))
    told = tmp_path / "point"
    told.write_text(f"ledger.{point}")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MORTAL, database.url, str(tmp_path / "marks"),
        env={**os.environ, "LADING_FAILPOINT_FILE": str(told)},
    )  # fmt: skip
    assert await child.wait() == -signal.SIGKILL

    await write(database, tenant, entry(600))
    marks = Marks(tmp_path / "marks")
    guard = Guard(marks)
    guard.learn(marks.read(), ())
    done, last = 0, 1 if point == "committed" else 351
    async with asyncio.timeout(120):
        while done < last:  # the server soon notices that the child is gone
            done += await integrate(database, SIGNER, origin_prefix="test", guard=guard)

    async with database.tenant(tenant) as tx:
        lines = [each.line for each in await store.entries(tx, first=0, limit=4096)]
        frontier = await tiles.frontier_at(tx, 601)
    assert revs(lines) == list(range(601))
    assert frontier.root() == root_of(lines)
    assert {mark.size for mark in marks.read().values()} == {601}


async def test_competing_integrators_keep_every_entry_in_causal_order(database_url: str) -> None:
    """Writers with late commits and rollbacks, three integrators at once; `rev` counts each subject's commits."""
    database = Database(database_url, size=12)
    await database.open()
    tenants = [await plant(database, slug) for slug in ("acme", "bolt", "crux")]
    chance = random.Random(6962)
    committed: Counter[tuple[UUID, str]] = Counter()
    locks = {(tenant, f"job_{number}"): asyncio.Lock() for tenant in tenants for number in range(4)}
    writing = True

    async def change(tenant: UUID, subject: str) -> None:
        # The lock stands for the row lock on the subject, taken before `record`.
        async with locks[tenant, subject]:
            try:
                async with database.tenant(tenant) as tx:
                    await store.record(tx, entry(committed[tenant, subject] + 1, subject))
                    for _ in range(chance.choice([0, 0, 1, 30])):
                        await tx.connection.execute("SELECT 1")  # keep the transaction open while others commit
                    if chance.random() < 0.2:
                        raise KeyError(subject)
                committed[tenant, subject] += 1
            except KeyError:
                return

    async def writer() -> None:
        for _ in range(60):
            await change(*chance.choice(list(locks)))

    async def integrator() -> int:
        done = 0
        while writing:
            done += await step(database, 16)
            await asyncio.sleep(0)
        return done

    integrators = [asyncio.create_task(integrator()) for _ in range(3)]
    await asyncio.gather(*(writer() for _ in range(6)))
    writing = False
    beside = sum(await asyncio.gather(*integrators))
    while await step(database, 16):
        pass

    assert beside > 0
    for tenant in tenants:
        seen: Counter[tuple[UUID, str]] = Counter()
        for line in await ledger(database, tenant):
            told = json.loads(line)
            seen[tenant, told["subject"]] += 1
            assert told["rev"] == seen[tenant, told["subject"]]
        assert seen == Counter({key: count for key, count in committed.items() if key[0] == tenant})
    await database.close()
