"""An export in parts loses nothing: stopped, cancelled, failed or damaged, a retry makes the same bytes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lading import ids
from lading.artifacts.blobs import BlobStore
from lading.exports import part_store, registry, retention, salt
from lading.exports.endings import ExportEnding, PartEnding
from lading.exports.model import JOB_KIND
from lading.exports.opening import Desk
from lading.exports.part_jobs import PartHandler
from lading.exports.parts import JOB_KIND as PART
from lading.exports.parts import Part
from lading.exports.pipeline import ExportHandler
from lading.jobs import runs
from lading.jobs.model import Dead, Endings, Fault, Handlers, Job
from lading.ledger import keys
from lading.ledger.entry import SYSTEM
from lading.sources import store as sources
from lading.worker import execute
from lading.worker.execute import Attempt
from serving import World
from works import ACTIVITIES, PERIOD, ROWS, Works, contents

pytestmark = pytest.mark.anyio
PARTS = 5


@dataclass
class Shop:
    """Works off the jobs of exports one at a time, as workers do."""

    works: Works
    world: World
    split: int = 2
    drains_after: int | None = None
    done: list[Job] = field(default_factory=list)
    endings: Endings = field(default_factory=lambda: {JOB_KIND: ExportEnding(), PART: PartEnding()})

    def handlers(self) -> Handlers:
        settings = replace(self.world.services.settings, split_parts=self.split)
        owned = keys.load_or_create(settings.keys_dir, settings.instance)
        salts, blobs = salt.load_or_create(settings.keys_dir), BlobStore(settings.blobs_dir)
        database = self.world.services.database
        return {
            JOB_KIND: ExportHandler(database, settings, blobs, owned, salt=salts),
            PART: PartHandler(Desk(database, settings, blobs, owned, salts)),
        }

    async def work(self, limit: int = 1000) -> list[Job]:
        """Do up to so many jobs; return them."""
        did: list[Job] = []
        while len(did) < limit and (claims := await self.world.claim(limit=1)):
            begun = await execute.begin(self.world.services.database, claims[0])
            assert begun is not None
            job, fence = begun
            attempt: Attempt = _Draining(fence, left=self.drains_after) if self.drains_after else Attempt(fence)
            outcome = await execute.run(self.handlers(), job, attempt)
            await execute.settle(self.world.services.database, self.endings, fence, outcome, kind=job.kind)
            await runs.sweep(self.world.services.database, self.endings)
            did.append(job)
            if self.drains_after:
                break
        self.done += did
        return did

    async def revision(self, **source: Any) -> None:
        """Store and activate a revision of the profile that is read in parts."""
        document = {**ACTIVITIES, "source": {**ACTIVITIES["source"], "parts": {"rows": 9}, **source}}
        async with self.world.services.database.tenant(self.tenant) as tx:
            await registry.put(tx, document, actor=SYSTEM, activate=True)

    async def ask(self, **fields: Any) -> str:
        """Ask for an export; return its id."""
        return (await self.works.ask(profile="activities", period=PERIOD, **{"format": "csv", **fields}))["id"]

    async def made(self, **fields: Any) -> tuple[dict[str, Any], bytes]:
        """Ask for an export and work it off; return it and its package."""
        identifier = await self.ask(**fields)
        await self.work()
        await self.works.integrate()
        made = await self.works.get(identifier)
        return made, await self.works.package(made)

    async def parts(self, export_id: str) -> Sequence[Part]:
        async with self.world.services.database.tenant(self.tenant) as tx:
            return await part_store.find(tx, ids.parse(ids.EXPORT, export_id))

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"json": body} if body else {}
        answer = await self.world.ask("POST", path, **given)
        assert answer.status_code in {200, 202}, answer.text
        return answer.json()

    async def events(self, export_id: str) -> Counter[str]:
        await self.works.integrate()
        history = (await self.world.ask("GET", f"/api/v1/exports/{export_id}/history")).json()["items"]
        revs = [each["rev"] for each in history if each["rev"] is not None]  # a download changes nothing
        assert revs == list(range(1, len(revs) + 1))
        return Counter(each["type"] for each in history)

    async def live(self) -> int:
        """Return how many jobs wait or run."""
        with psycopg.connect(self.works.database_url) as connection:
            row = connection.execute("SELECT count(*) FROM jobs").fetchone()
        assert row is not None
        return int(row[0])

    @property
    def tenant(self) -> UUID:
        return self.world.organisations["nordlys"].id


class _Draining(Attempt):
    """An attempt whose worker shuts down after so many parts."""

    def __init__(self, fence: Any, *, left: int) -> None:
        super().__init__(fence)
        self._left = left + 1  # the stage asks first

    @property
    def is_draining(self) -> bool:
        self._left -= 1
        return self._left < 0

    @is_draining.setter
    def is_draining(self, value: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride] - counts who asks
        pass


@pytest.fixture
async def shop(world: World, database_url: str, tmp_path: Path) -> Shop:
    works = Works(world, database_url, tmp_path)
    await works.ready("nordlys")
    shop = Shop(works, world)
    await shop.revision()
    return shop


async def test_parts_are_a_run_of_jobs_and_the_package_is_that_of_one_job(shop: Shop) -> None:  # P16, P1
    shared, package = await shop.made()
    kinds = Counter(job.kind for job in shop.done)
    shop.split = 0
    alone, other = await shop.made()

    assert kinds == {PART: PARTS, JOB_KIND: 2}
    assert Counter(job.kind for job in shop.done) - kinds == {JOB_KIND: 1}
    assert package == other
    assert shared["rows"] == {"read": ROWS, "written": ROWS, "quarantined": 0, "duplicate": 0, "filtered": 0}
    manifest = shop.works.verified(package).manifest
    assert (manifest["consistency"], manifest["parts"]) == ("parts", PARTS)
    happened = await shop.events(shared["id"])
    assert (happened["export.split"], happened["export.part_completed"]) == (1, PARTS)
    assert (await shop.events(alone["id"]))["export.part_completed"] == PARTS
    assert shared["retry_count"] == 0


async def test_status_tells_how_many_parts_are_done(shop: Shop) -> None:  # P1, P16
    identifier = await shop.ask()
    await shop.work(3)  # the one that splits, and two parts

    shown = await shop.works.get(identifier)

    assert (shown["stage"], shown["waiting_for"]) == ("QUERYING", "parents")
    assert shown["progress"] == {"percent": 14.0, "rows": 18, "bytes": 0, "parts": PARTS, "parts_done": 2}


async def test_a_worker_that_drains_leaves_the_parts_that_are_done(shop: Shop) -> None:  # P1
    shop.split, shop.drains_after = 0, 2
    identifier = await shop.ask()
    await shop.work()
    done = [part.number for part in await shop.parts(identifier) if part.result is not None]
    files = [part.result["files"] for part in await shop.parts(identifier) if part.result is not None]
    shop.drains_after = None
    await shop.work()
    ended = await shop.works.get(identifier)

    assert done == [0, 1]
    assert ended["status"] == "completed"
    assert [part.result["files"] for part in (await shop.parts(identifier))[:2] if part.result is not None] == files
    assert await shop.works.package(ended) == (await shop.made())[1]


async def test_cancelled_in_the_middle_it_stops_and_a_retry_does_the_missing_parts_alone(shop: Shop) -> None:  # P2, P3
    identifier = await shop.ask()
    await shop.work(3)
    await shop.post(f"/api/v1/exports/{identifier}/cancel", reason="not now")
    await runs.sweep(shop.world.services.database, shop.endings)
    cancelled, left = await shop.works.get(identifier), await shop.live()
    await shop.post(f"/api/v1/exports/{identifier}/retry")
    did = Counter(job.kind for job in await shop.work())
    ended = await shop.works.get(identifier)

    assert (cancelled["status"], cancelled["artifacts"], left) == ("cancelled", [], 0)
    assert did == {PART: PARTS - 2, JOB_KIND: 2}
    assert (ended["status"], ended["retry_count"]) == ("completed", 1)
    assert await shop.works.package(ended) == (await shop.made())[1]


async def test_asked_to_stop_while_it_is_cut_into_parts_it_is_cancelled(shop: Shop) -> None:  # P3
    identifier = await shop.ask()
    [claimed] = await shop.world.claim(limit=1)
    begun = await execute.begin(shop.world.services.database, claimed)
    assert begun is not None
    outcome = await execute.run(shop.handlers(), begun[0], Attempt(begun[1]))
    await shop.post(f"/api/v1/exports/{identifier}/cancel", reason="too late for the worker to hear")

    await execute.settle(shop.world.services.database, shop.endings, begun[1], outcome, kind=JOB_KIND)

    assert (await shop.works.get(identifier))["status"] == "cancelled"
    assert await shop.live() == 0


async def test_a_part_that_fails_fails_the_export_with_its_code(shop: Shop) -> None:  # E8, P16
    identifier = await shop.ask()
    await shop.work(3)
    shop.works.change("ALTER TABLE activity RENAME TO elsewhere")
    await shop.work()
    failed, left = await shop.works.get(identifier), await shop.live()
    shop.works.change("ALTER TABLE elsewhere RENAME TO activity")
    await shop.post(f"/api/v1/exports/{identifier}/retry")
    await shop.work()
    ended = await shop.works.get(identifier)

    assert (failed["status"], failed["error"]["code"], failed["error"]["stage"]) == (
        "failed",
        "source-refused",
        "QUERYING",
    )
    assert left == 0
    assert ended["status"] == "completed"
    assert await shop.works.package(ended) == (await shop.made())[1]


async def test_what_an_old_run_comes_to_says_nothing_of_a_retried_export(shop: Shop) -> None:  # P2
    identifier = await shop.ask()
    await shop.work(2)
    claims = await shop.world.claim(limit=1)  # a part that goes on while its export is cancelled and retried
    begun = await execute.begin(shop.world.services.database, claims[0])
    assert begun is not None
    job, fence = begun
    await shop.post(f"/api/v1/exports/{identifier}/cancel", reason="once more")
    await shop.post(f"/api/v1/exports/{identifier}/retry")
    await runs.sweep(shop.world.services.database, shop.endings)
    outcome = await execute.run(shop.handlers(), job, Attempt(fence, cancel_reason="run-failed"))
    await execute.settle(shop.world.services.database, shop.endings, fence, outcome, kind=job.kind)
    await runs.sweep(shop.world.services.database, shop.endings)
    waiting = await shop.works.get(identifier)
    await shop.work()

    assert waiting["status"] in {"pending", "running"}
    assert (await shop.works.get(identifier))["status"] == "completed"


async def test_a_part_that_ends_while_its_export_is_retried_does_not_end_it(shop: Shop) -> None:  # P2
    identifier = await shop.ask()
    await shop.work(1)
    begun = await execute.begin(shop.world.services.database, (await shop.world.claim(limit=1))[0])
    assert begun is not None
    job, fence = begun
    await shop.post(f"/api/v1/exports/{identifier}/cancel", reason="once more")
    with psycopg.connect(shop.works.database_url) as other:
        other.execute("SELECT FROM exports WHERE id = %s FOR UPDATE", (ids.parse(ids.EXPORT, identifier),))
        retrying = asyncio.create_task(shop.post(f"/api/v1/exports/{identifier}/retry"))
        await waits_for_a_lock(shop.works.database_url, retrying, sessions=1)
        outcome = Dead(Fault("source-refused", "No."))
        database, endings = shop.world.services.database, shop.endings
        ending = asyncio.create_task(execute.settle(database, endings, fence, outcome, kind=job.kind))
        await waits_for_a_lock(shop.works.database_url, ending, sessions=2)
        has_waited = not ending.done()
    await asyncio.gather(retrying, ending)

    assert has_waited
    assert (await shop.works.get(identifier))["status"] == "pending"


async def waits_for_a_lock(url: str, task: asyncio.Task[Any], *, sessions: int) -> None:
    """Return when so many wait for a lock, or when the task is done without one."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not task.done() and connection.execute(query).rowcount < sessions:  # noqa: ASYNC110 - only PostgreSQL knows
            await asyncio.sleep(0)


async def test_a_damaged_part_is_done_again(shop: Shop) -> None:  # P1
    identifier = await shop.ask()
    await shop.work(1 + PARTS)  # all but putting them together
    [first, *_] = await shop.parts(identifier)
    assert first.result is not None
    BlobStore(shop.world.services.settings.blobs_dir).path(first.result["files"]["text"]["key"]).write_bytes(b"not it")
    await shop.work()
    ended = await shop.works.get(identifier)

    assert ended["status"] == "completed"
    assert await shop.works.package(ended) == (await shop.made())[1]


async def test_rows_written_while_parts_are_read_take_no_other_row_away(shop: Shop) -> None:  # P1
    identifier = await shop.ask(format="ndjson")
    await shop.work(3)
    shop.works.change("INSERT INTO activity (id, kind, held, hours) VALUES (-5, 'early', '2025-05-05', 1)")
    shop.works.change("INSERT INTO activity (id, kind, held, hours) VALUES (9000, 'late', '2025-05-05', 1)")
    shop.works.change("DELETE FROM activity WHERE id = 40")
    await shop.work()
    ended = await shop.works.get(identifier)
    lines = (await shop.works.download(ended, ended["artifacts"][1]["name"])).decode().splitlines()

    found = [int(line.split('"Id":')[1].split(",")[0]) for line in lines]
    assert found == [*range(1, 40), 9000]


async def test_columns_that_change_between_parts_fail_the_export_and_its_retry_reads_all_again(shop: Shop) -> None:
    identifier = await shop.ask()
    await shop.work(3)
    shop.works.change("ALTER TABLE activity ALTER COLUMN kind TYPE bytea USING kind::bytea")
    shop.works.change("ALTER TABLE activity ALTER COLUMN kind TYPE integer USING 7")
    await shop.work()
    failed = await shop.works.get(identifier)
    await shop.post(f"/api/v1/exports/{identifier}/retry")
    await shop.work()

    assert (failed["status"], failed["error"]["code"]) == ("failed", "source-refused")
    assert (await shop.works.get(identifier))["status"] == "completed"


async def test_a_source_without_rows_is_one_part(shop: Shop) -> None:  # P13
    shop.works.change("DELETE FROM activity")

    made, package = await shop.made()

    assert made["rows"]["read"] == 0
    assert shop.works.verified(package).manifest["parts"] == 1
    assert [each["code"] for each in made["warnings"]] == ["no_rows"]


async def test_what_is_known_of_parts_goes_with_the_working_files(shop: Shop) -> None:  # E6
    made, _ = await shop.made()
    services = shop.world.services
    assert await shop.parts(made["id"])

    await retention.collect(services.database, BlobStore(services.settings.blobs_dir), grace_seconds=3600)

    assert await shop.parts(made["id"]) == []


@pytest.mark.parametrize("is_expired", [False, True], ids=["deleted", "expired"])
async def test_what_is_known_of_parts_goes_with_the_export(shop: Shop, *, is_expired: bool) -> None:  # E6
    made, _ = await shop.made()
    services = shop.world.services
    if is_expired:
        shop.works.change("UPDATE exports SET expires_at = now() - interval '1 second'")
        assert await retention.expire(services.database, BlobStore(services.settings.blobs_dir)) == 1
    else:
        assert (await shop.world.ask("DELETE", f"/api/v1/exports/{made['id']}")).status_code == 204

    assert await shop.parts(made["id"]) == []


async def test_a_kind_that_has_no_ranges_is_refused_with_the_mend(shop: Shop, tmp_path: Path) -> None:
    async with shop.world.services.database.tenant(shop.tenant) as tx:
        await sources.register(tx, "local", kind="files", options={"path": str(tmp_path)}, actor=SYSTEM)
    await shop.revision(name="local", query="SELECT id, kind, hours FROM activity")
    identifier = await shop.ask()
    await shop.work()

    failed = await shop.works.get(identifier)
    assert failed["error"]["code"] == "source-refused"
    assert "leave source.parts out" in failed["error"]["message"]


def _in_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE activity (id INTEGER PRIMARY KEY, kind TEXT, hours TEXT)")
        connection.executemany("INSERT INTO activity VALUES (?, ?, ?)", _ROWS)
    connection.close()


def _in_duckdb(path: Path) -> None:
    driver: Any = pytest.importorskip("duckdb")
    with driver.connect(str(path)) as connection:
        connection.execute("CREATE TABLE activity (id BIGINT, kind VARCHAR, hours DECIMAL(6, 2))")
        connection.executemany("INSERT INTO activity VALUES (?, ?, ?)", _ROWS)


# Not in the order of the key.
_ROWS = [(n * 7 % 41, f"kind {n % 3}", f"{n * 0.25:.2f}") for n in range(1, ROWS + 1)]


@pytest.mark.parametrize(("kind", "made"), [("sqlite", _in_sqlite), ("duckdb", _in_duckdb)])
async def test_other_databases_are_read_in_parts_with_the_same_report(
    shop: Shop, tmp_path: Path, kind: str, made: Callable[[Path], None]
) -> None:  # P16, P14
    path = tmp_path / "rows.db"
    made(path)
    async with shop.world.services.database.tenant(shop.tenant) as tx:
        await sources.register(tx, "local", kind=kind, options={"path": str(path)}, actor=SYSTEM)
    await shop.revision(name="local", query="SELECT id, kind, hours FROM activity")
    _, shared = await shop.made()
    done = Counter(job.kind for job in shop.done)
    shop.split = 0
    _, alone = await shop.made()
    await shop.revision(name="local", query="SELECT id, kind, hours FROM activity", parts={"count": 4})
    _, even = await shop.made()
    document = {**ACTIVITIES, "source": {**ACTIVITIES["source"], "name": "local"}}
    document["source"]["query"] = "SELECT id, kind, hours FROM activity"
    async with shop.world.services.database.tenant(shop.tenant) as tx:
        await registry.put(tx, document, actor=SYSTEM, activate=True)
    _, whole = await shop.made()

    assert shared == alone
    assert done == {PART: PARTS, JOB_KIND: 2}
    assert len({_report(each) for each in (shared, even, whole)}) == 1
    words = [shop.works.verified(each).manifest["consistency"] for each in (shared, whole)]
    assert words == ["parts", "read-transaction"]


def _report(package: bytes) -> bytes:
    return next(content for name, content in contents(package).items() if name.endswith(".csv"))


async def test_two_that_finish_parts_at_the_same_time_are_both_counted(shop: Shop) -> None:  # P16
    identifier = await shop.ask()
    await shop.work(1)
    claims = await shop.world.claim(limit=PARTS)

    async def one(claim: Any) -> None:
        begun = await execute.begin(shop.world.services.database, claim)
        assert begun is not None
        job, fence = begun
        outcome = await execute.run(shop.handlers(), job, Attempt(fence))
        await execute.settle(shop.world.services.database, shop.endings, fence, outcome, kind=job.kind)

    await asyncio.gather(*(one(claim) for claim in claims))

    assert (await shop.works.get(identifier))["progress"]["parts_done"] == len(claims)


async def test_parts_are_as_urgent_as_their_export(shop: Shop) -> None:  # O6, P16
    identifier = await shop.ask()
    [job] = (await shop.world.ask("GET", f"/api/v1/jobs?subject={identifier}")).json()["items"]
    await shop.post(f"/api/v1/jobs/{job['id']}/prioritise", priority=7, reason="the board waits")
    await shop.work(1)

    jobs = (await shop.world.ask("GET", f"/api/v1/jobs?subject={identifier}")).json()["items"]
    assert Counter((each["kind"], each["priority"]) for each in jobs) == {(PART, 7): PARTS, (JOB_KIND, 7): 2}


async def test_a_queue_that_is_full_takes_no_parts_and_the_export_does_them_itself(shop: Shop) -> None:  # O10, P16
    services = shop.world.services
    shop.world.services = replace(services, settings=replace(services.settings, tenant_queue_limit=PARTS))
    made, package = await shop.made()
    kinds = [job.kind for job in shop.done]
    shop.world.services = services

    assert (made["status"], kinds) == ("completed", [JOB_KIND])
    assert package == (await shop.made())[1]


async def test_a_source_that_is_sent_elsewhere_between_parts_fails_the_export_and_its_retry_reads_all_there(
    shop: Shop, tmp_path: Path
) -> None:  # P1, P16
    identifier = await shop.ask()
    await shop.work(3)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((tmp_path / "source-url").read_bytes())
    elsewhere.chmod(0o600)
    async with shop.world.services.database.tenant(shop.tenant) as tx:
        await sources.register(tx, "activities", credentials_ref=f"file:{elsewhere}", actor=SYSTEM)
    await shop.work()
    failed = await shop.works.get(identifier)
    await shop.post(f"/api/v1/exports/{identifier}/retry")
    await shop.work(1)
    again = (await shop.works.get(identifier))["progress"]["parts_done"]
    await shop.work()

    assert (failed["status"], failed["error"]["code"]) == ("failed", "source-refused")
    assert "was changed to another place" in failed["error"]["message"]
    assert again == 0
    assert (await shop.works.get(identifier))["status"] == "completed"
    assert (await shop.events(identifier))["export.parts_reopened"] == 1


async def test_parts_that_are_to_be_done_again_are_not_shown_as_done(shop: Shop) -> None:  # P1
    identifier = await shop.ask()
    await shop.work(1 + PARTS)  # all but putting them together
    done = (await shop.works.get(identifier))["progress"]["parts_done"]
    blobs = BlobStore(shop.world.services.settings.blobs_dir)
    for part in (await shop.parts(identifier))[:2]:
        assert part.result is not None
        blobs.path(part.result["files"]["text"]["key"]).write_bytes(b"not it")
    shop.works.change("ALTER TABLE activity RENAME TO elsewhere")
    await shop.work()

    assert (done, (await shop.works.get(identifier))["progress"]["parts_done"]) == (PARTS, PARTS - 2)


async def test_letters_of_parts_are_closed_when_their_export_is_retried(shop: Shop) -> None:  # O9
    identifier = await shop.ask()
    await shop.work(3)
    shop.works.change("ALTER TABLE activity RENAME TO elsewhere")
    await shop.work()
    other = await shop.ask()
    await shop.work()
    shop.works.change("ALTER TABLE elsewhere RENAME TO activity")
    died = (await shop.world.ask("GET", "/api/v1/dead-letters")).json()["items"]
    await shop.post(f"/api/v1/exports/{identifier}/retry")
    left = (await shop.world.ask("GET", "/api/v1/dead-letters")).json()["items"]

    assert {each["subject"] for each in died} == {identifier, other}
    assert {each["kind"] for each in died} == {PART, JOB_KIND}
    assert {each["subject"] for each in left} == {other}
