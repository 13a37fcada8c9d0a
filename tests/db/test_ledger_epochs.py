"""A database that was taken back signs no fork; what was lost stays visible for ever."""  # A1

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from tests.ledgers import SIGNER, TRUST, plant, record, signed

from lading import ids
from lading.db.database import Database
from lading.ledger import epochs, heads, instance, publishing, selfcheck, store, tiles
from lading.ledger.integrator import Guard
from lading.ledger.marks import INSTANCE_LOG, Mark, Marks
from lading.ledger.merkle import root_of
from lading.ledger.signers import External

pytestmark = pytest.mark.anyio
WHY = {"origin_prefix": "test", "reason": "disk lost", "ticket": "OPS-7"}


class Restorable:
    """A database that can be copied and put back, as a dump is."""

    def __init__(self, url: str, marks: Marks) -> None:
        self.url = url
        self.marks = marks
        self.guard = Guard(marks)
        self.name = conninfo_to_dict(url)["dbname"]
        self.database = Database(url)

    async def open(self) -> None:
        self.database = Database(self.url)
        await self.database.open()
        known = self.marks.read()
        self.guard = Guard(self.marks)
        self.guard.learn(known, [each.tree for each in await epochs.examine(self.database, known)])

    async def copy(self) -> None:
        await self.database.close()
        self._make(f"{self.name}_copy", self.name)
        await self.open()

    async def restore(self) -> None:
        await self.database.close()
        self._drop(str(self.name))
        self._make(str(self.name), f"{self.name}_copy")
        await self.open()

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url, dbname="postgres", autocommit=True)

    def _make(self, name: str, template: str | object) -> None:
        with self._admin() as admin:
            admin.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(str(template))))

    def _drop(self, name: str) -> None:
        with self._admin() as admin:
            admin.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))

    async def close(self) -> None:
        await self.database.close()
        self._drop(f"{self.name}_copy")

    async def plant(self, slug: str) -> UUID:
        return await plant(self.database, slug)

    async def write(self, tenant: UUID, count: int) -> int:
        await record(self.database, tenant, count)
        return await signed(self.database, guard=self.guard)

    async def faults(self) -> list[str]:
        return [each.fault async for each in selfcheck.check_all(self.database, TRUST) if each.fault is not None]


@pytest.fixture
async def installed(database_url: str, tmp_path: Path) -> AsyncIterator[Restorable]:
    made = Restorable(database_url, Marks(tmp_path / "here", tmp_path / "there"))
    await made.open()
    yield made
    await made.close()


async def test_after_a_restore_nothing_is_signed_until_it_is_adopted(installed: Restorable) -> None:
    acme, bolt = await installed.plant("acme"), await installed.plant("bolt")
    await installed.write(acme, 300)
    await installed.write(bolt, 3)
    await installed.copy()
    assert await installed.write(acme, 20) == 20
    async with installed.database.tenant(acme) as tx:
        before = await store.head(tx)
    await installed.restore()

    assert await installed.write(acme, 5) == 0  # what was recorded waits
    assert await installed.write(bolt, 2) == 2  # who lost nothing goes on
    behind = await epochs.examine(installed.database, installed.marks.read())
    assert {each.name: (each.size, each.mark.size) for each in behind}["acme"] == (300, 320)
    assert INSTANCE_LOG in {each.tree for each in behind}

    await epochs.adopt(installed.database, SIGNER, installed.marks, **WHY)
    await installed.database.close()
    await installed.open()

    assert await epochs.examine(installed.database, installed.marks.read()) == []
    assert await installed.write(acme, 4) == 10  # with the five that waited, and why the restore was adopted
    async with installed.database.tenant(acme) as tx:
        log, head = await tiles.tree(tx), await store.head(tx)
        lines = [bytes(each.line) for each in await store.entries(tx, first=log.base, limit=100)]
        older = await tiles.tree(tx, epoch=1)
        assert await tiles.root_at(tx, 300, log=older)
    assert before is not None
    assert head is not None
    assert (log.origin, log.epoch, log.base, older.size) == ("test/t/acme/e2", 2, 320, 300)
    signed = heads.verify(head.note, TRUST)
    assert (signed.origin, signed.size, signed.root) == ("test/t/acme/e2", 10, root_of(lines))
    told = json.loads(lines[0])
    assert told["type"] == "ledger.epoch_opened"
    assert told["data"] == {
        "epoch": 2, "previous": "test/t/acme", "kept": 300, "known_epoch": 1, "known_size": 320,
        "known_root": before.root.hex(), "lost_from": 300, "lost_to": 320, "forked": False,
        "ticket": "OPS-7",
    }  # fmt: skip
    assert await installed.faults() == []
    async with installed.database.tenant(acme) as tx:
        assert (await instance.tree(tx)).origin == "test/instance/e2"


async def test_a_tree_that_grew_on_elsewhere_is_found_beside_its_mark(installed: Restorable) -> None:
    acme = await installed.plant("acme")
    await installed.write(acme, 10)
    await installed.copy()
    await installed.write(acme, 5)
    await installed.restore()
    installed.guard = Guard(Marks())  # another machine, which knows nothing
    assert await installed.write(acme, 30) == 30

    (found,) = [each for each in await epochs.examine(installed.database, installed.marks.read()) if each.tree == acme]

    assert (found.is_forked, found.size, found.mark.size) == (True, 40, 15)
    await epochs.adopt(installed.database, SIGNER, installed.marks, **WHY)
    async with installed.database.tenant(acme) as tx:
        assert (await tiles.tree(tx)).base == 40


async def test_a_process_that_lives_through_a_restore_notices_it(installed: Restorable) -> None:
    acme = await installed.plant("acme")
    await installed.write(acme, 10)
    await installed.copy()
    await installed.write(acme, 5)
    guard = installed.guard
    await installed.restore()
    installed.guard = guard

    assert await installed.write(acme, 1) == 0
    assert guard.refused == {acme, INSTANCE_LOG}


async def test_a_second_restore_opens_a_third_epoch(installed: Restorable) -> None:
    acme = await installed.plant("acme")
    await installed.write(acme, 10)
    await installed.copy()
    await installed.write(acme, 5)
    await installed.restore()
    await epochs.adopt(installed.database, SIGNER, installed.marks, **WHY)
    await installed.open()
    await installed.write(acme, 5)
    await installed.restore()  # the same old copy once more: it knows nothing of the second epoch
    await epochs.adopt(installed.database, SIGNER, installed.marks, **WHY)
    await installed.open()

    async with installed.database.tenant(acme) as tx:
        log = await tiles.tree(tx)
    assert (log.epoch, log.origin, log.base) == (3, "test/t/acme/e3", 21)
    assert await installed.write(acme, 2) == 3  # with why the second restore was adopted
    assert await installed.faults() == []


async def test_a_tenant_that_is_gone_with_its_ledger_is_told_once(installed: Restorable) -> None:
    await installed.copy()
    acme = await installed.plant("acme")
    await installed.write(acme, 10)
    await installed.restore()

    found = await epochs.examine(installed.database, installed.marks.read())
    assert [each.tree for each in found if not each.is_known] == [acme]
    await epochs.adopt(installed.database, SIGNER, installed.marks, **WHY)
    assert await epochs.examine(installed.database, installed.marks.read()) == []


async def test_a_restore_that_many_adopt_at_once_is_adopted_once(installed: Restorable) -> None:
    acme = await installed.plant("acme")
    await installed.write(acme, 30)
    await installed.copy()
    await installed.write(acme, 20)
    await installed.restore()

    found = await asyncio.gather(
        *(epochs.adopt(installed.database, SIGNER, installed.marks, **WHY) for _ in range(3))
    )  # fmt: skip

    assert sorted(len([each for each in one if each.tree == acme]) for one in found) == [0, 0, 1]
    async with installed.database.tenant(acme) as tx:
        assert (await tiles.tree(tx)).epoch == 2


async def test_a_signer_elsewhere_is_asked_for_the_head_of_an_epoch_when_that_is_committed(
    installed: Restorable,
) -> None:
    acme = await installed.plant("acme")
    await installed.write(acme, 30)
    await installed.copy()
    await installed.write(acme, 20)
    await installed.restore()
    elsewhere = External("The signer", lambda question: _answered(json.loads(question)))

    await epochs.adopt(installed.database, elsewhere.signer(SIGNER.public), installed.marks, **WHY)

    async with installed.database.tenant(acme) as tx:
        log = await tiles.tree(tx)
        assert await tiles.note_at(tx, log.base + 1) is None
    await publishing.publish_unsigned(installed.database, elsewhere.signer(SIGNER.public))
    async with installed.database.tenant(acme) as tx:
        note = await tiles.note_at(tx, log.base + 1)
    assert note is not None
    assert heads.verify(note, TRUST).origin == "test/t/acme/e2"


def _answered(question: dict[str, str]) -> bytes:
    signature = SIGNER.sign(base64.b64decode(question["message"]))
    return json.dumps({"signature": base64.b64encode(signature).decode()}).encode()


def test_marks_outlive_a_torn_line_and_a_lost_folder(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "a", tmp_path / "b")
    tree = ids.new()
    for size in (3, 9, 5):
        marks.note({tree: Mark(1, size, bytes([size]) * 32)})
    with (tmp_path / "a" / "ledger.marks").open("ab") as file:
        file.write(f"{tree} 1 99".encode())

    assert marks.read() == {tree: Mark(1, 9, bytes([9]) * 32)}
    (tmp_path / "a" / "ledger.marks").unlink()
    assert marks.read()[tree].size == 9


def test_the_mark_behind_a_torn_line_is_not_lost_with_it(tmp_path: Path) -> None:
    marks, tree = Marks(tmp_path), ids.new()
    marks.note({tree: Mark(1, 3, bytes(32))})
    with (tmp_path / "ledger.marks").open("ab") as file:
        file.write(f"{tree} 1 9".encode())

    marks.note({tree: Mark(1, 9, bytes(32))})

    assert marks.read() == {tree: Mark(1, 9, bytes(32))}


def test_a_file_of_marks_stays_small(tmp_path: Path) -> None:
    marks, trees = Marks(tmp_path), [ids.new() for _ in range(100)]
    for size in range(1, 150):
        marks.note({tree: Mark(1, size, bytes(32)) for tree in trees})

    assert {mark.size for mark in marks.read().values()} == {149}
    assert (tmp_path / "ledger.marks").stat().st_size < 1_100_000
