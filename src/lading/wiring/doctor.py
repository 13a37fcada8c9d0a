"""
What `lading doctor` looks at: everything Lading needs on this machine, each finding with its mend.

Looks and changes nothing, but for an object in the bucket that it takes away again.  Findings that depend on a database
that does not answer are left out.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx2

from lading.artifacts.blobs import BlobStore
from lading.db import directory
from lading.db.database import Database
from lading.db.migrate import outstanding
from lading.db.statements import Statements
from lading.db.transaction import Row
from lading.errors import LadingError, StorageFailed
from lading.ledger import selfcheck
from lading.settings import Settings
from lading.wiring import database, depots, ledgers, self_test

if TYPE_CHECKING:
    from lading.artifacts.bucket import Bucket

_SQL: Final = Statements(__package__ or "lading.wiring")
_LOW_BYTES: Final = 2 << 30
_MOST_FILES: Final = 200
_MOST_BYTES: Final = 128 << 20
_CLOCK_FAIL_SECONDS: Final = 60.0
_QUIET_MINUTES: Final = 10
_FEW_CONNECTIONS: Final = 20


class State(StrEnum):
    """How a finding stands: `warn` works today and may not tomorrow."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `mend` says what to do unless all is well."""

    name: str
    state: State
    detail: str
    mend: str = ""


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Yield every finding, in the order in which to mend them."""
    held = directory.owner(settings.data_dir)
    yield _data_directory(settings.data_dir, held)
    yield _disk(settings.data_dir)
    for finding in _keys(settings.keys_dir):
        yield finding
    if settings.database_url is None and held is None:
        yield Finding("database", State.WARN, "no Lading runs here", "Start `lading up`, then ask again.")
        return
    try:
        url = database.url_of_running(settings)
        behind = await outstanding(url)
    except LadingError as error:
        yield Finding("database", State.FAIL, error.message)
        return
    yield Finding("database", State.OK, "answers")
    if behind:
        yield Finding(
            "migrations", State.FAIL, f"{behind} to apply", "Start `lading up`: it brings the database forward."
        )
        return
    yield Finding("migrations", State.OK, "none to apply")
    try:
        blobs = depots.opened(settings)
    except LadingError as error:
        yield Finding("artifact store", State.FAIL, error.message)
        blobs = BlobStore(settings.blobs_dir)
    if blobs.bucket is not None:
        yield await asyncio.to_thread(_bucket, blobs.bucket)
    for finding in await _ask(url, blobs):
        yield finding
    yield await _ledger(settings, url)
    if held is not None:
        yield await _server(held.url)


def _data_directory(path: Path, held: directory.Owner | None) -> Finding:
    if held is not None:
        return Finding("data directory", State.OK, f"{path}, in use by process {held.pid}")
    if not path.exists():
        return Finding("data directory", State.WARN, f"{path} is not there yet", "Start `lading up`: it makes it.")
    try:
        with directory.DataDirectory(path, minimum_free_bytes=0):
            pass
    except LadingError as error:
        return Finding("data directory", State.FAIL, error.message)
    return Finding("data directory", State.OK, f"{path}, not in use")


def _disk(path: Path) -> Finding:
    free = directory.free_bytes(path)
    if free is None:
        return Finding("disk", State.WARN, "the file system does not say how much is free", "Watch it by other means.")
    detail = f"{free >> 20} MiB free"
    if free < directory.MINIMUM_FREE_BYTES:
        needed = directory.MINIMUM_FREE_BYTES >> 20
        return Finding("disk", State.FAIL, detail, f"Make room: Lading needs {needed} MiB to start.")
    if free < _LOW_BYTES:
        return Finding("disk", State.WARN, detail, "Make room soon: a large export may need gigabytes.")
    return Finding("disk", State.OK, detail)


def _keys(path: Path) -> Iterator[Finding]:
    files = sorted(path.glob("*.key")) if path.is_dir() else []
    if not files:
        yield Finding("signing keys", State.WARN, f"none in {path} yet", "Start `lading up`: it makes them.")
        return
    exposed = [file for file in (path, *files) if file.stat().st_mode & 0o077]
    if exposed:
        names = " ".join(str(file) for file in exposed)
        yield Finding("signing keys", State.FAIL, "other users can read them", f"Run: chmod go= {names}")
        return
    yield Finding("signing keys", State.OK, f"{len(files)} in {path}, private")


async def _ask(url: str, blobs: BlobStore) -> list[Finding]:
    opened = Database(url, size=1)
    try:
        await opened.open()
        async with opened.system() as tx:
            row = await tx.one(_SQL["live_leases"])
            troubled = await tx.one(_SQL["troubled_jobs"], quiet_seconds=_QUIET_MINUTES * 60)
            # Somewhere else each time, so that many short looks see everything.
            first = secrets.token_bytes(32)
            kept = await tx.all(_SQL["some_objects"], first=first, limit=_MOST_FILES)
            older = await tx.all(_SQL["older_files"], first=first, limit=_MOST_FILES)
        condition = await self_test.condition(url)
    except LadingError as error:
        return [Finding("database", State.FAIL, error.message)]
    finally:
        await opened.close()
    workers = _workers(row["workers"], troubled["lost"])
    found = [
        *_connected(condition),
        _clock(condition.clock_seconds),
        workers,
        _jobs(troubled),
        await asyncio.to_thread(_files, "stored files", blobs, kept),
    ]
    if older:
        note = f"; there are {older[0]['total']} from before the registry, which go with their exports"
        found.append(await asyncio.to_thread(_files, "older files", blobs, older, note=note))
    return found


async def _ledger(settings: Settings, url: str) -> Finding:
    """Look whether a ledger was taken back by a restore, and what the daily check found."""
    opened = Database(url, size=1)
    try:
        await opened.open()
        behind = await ledgers.taken_back(settings, opened)
        faults = await selfcheck.faults(opened)
    except LadingError as error:
        return Finding("ledger", State.FAIL, error.message)
    finally:
        await opened.close()
    if behind:
        mend = "Restore the newest backup; if there is none, `lading ledger adopt-restore` (docs/how-to/prove.md)."
        return Finding("ledger", State.FAIL, f"{len(behind)} taken back: {behind[0].sentence}", mend)
    if faults:
        mend = "Find out who changed rows; keep the database as it is, and compare with an auditor's copy."
        return Finding("ledger", State.FAIL, f"{faults[0]['slug']}: {faults[0]['fault']}", mend)
    return Finding("ledger", State.OK, "continues what was signed; the last checks found nothing")


def _connected(condition: self_test.Condition) -> Iterator[Finding]:
    left = condition.connections_left
    if left < _FEW_CONNECTIONS:
        mend = "Raise max_connections of the database, or run fewer processes (docs/how-to/operate.md)."
        yield Finding("connections", State.WARN, f"{left} left", mend)
    else:
        yield Finding("connections", State.OK, f"{left} left")
    if condition.is_heard:
        yield Finding("wake-ups", State.OK, "a NOTIFY comes back")
    else:
        mend = (
            "A pooler swallows LISTEN: let Lading reach the database beside it, or everything waits for its next look."
        )
        yield Finding("wake-ups", State.WARN, "a NOTIFY does not come back", mend)


def _clock(seconds: float) -> Finding:
    difference = abs(seconds)
    detail = f"{difference:.1f} s from the database's"
    mend = "Let NTP set both clocks."
    if difference > _CLOCK_FAIL_SECONDS:
        return Finding("clock", State.FAIL, detail, mend)
    return (
        Finding("clock", State.WARN, detail, mend)
        if difference > self_test.CLOCK_WARN_SECONDS
        else Finding("clock", State.OK, detail)
    )


def _workers(alive: int, lost: int) -> Finding:
    if alive == 0:
        return Finding("workers", State.FAIL, "none is alive: exports wait", "Start `lading up` or `lading worker`.")
    if lost:
        mend = "Look into their log: they died, froze, or could not reach the database."
        return Finding("workers", State.WARN, f"{alive} alive, {lost} lost within the last hour", mend)
    return Finding("workers", State.OK, f"{alive} alive")


def _jobs(row: Row) -> Finding:
    """Warn of what runs beyond its deadline, and of what stands still; deadlines first: those end by themselves."""
    running, overdue, quiet = row["running"], row["overdue"], row["quiet"]
    if overdue:
        mend = "Ask again in a minute: they are being stopped. Still there? Restart the workers."
        return Finding("jobs", State.WARN, f"{running} running, {overdue} beyond their deadline", mend)
    if quiet:
        mend = f"See `lading jobs list --quiet-for {_QUIET_MINUTES}`; cancel what hangs."
        detail = f"{running} running, {quiet} of them without progress for {_QUIET_MINUTES} minutes"
        return Finding("jobs", State.WARN, detail, mend)
    return Finding("jobs", State.OK, f"{running} running")


def _bucket(bucket: Bucket) -> Finding:
    """Do with the bucket all that is done with it, on an object that nobody sees for long."""
    try:
        trial = bucket.trial()
    except LadingError as error:
        return Finding("artifact store", State.FAIL, error.message)
    ahead = abs((trial.at - datetime.now(UTC)).total_seconds())
    if ahead > _CLOCK_FAIL_SECONDS:
        # URLs that we sign for a minute would be over before they are used, or not good yet.
        mend = "Let NTP set this machine's clock: URLs that it signs are good by that of the bucket."
        return Finding("artifact store", State.WARN, f"{trial.detail}; its clock is {ahead:.0f} s from ours", mend)
    return Finding("artifact store", State.OK, trial.detail)


def _files(name: str, blobs: BlobStore, kept: Sequence[Row], *, note: str = "") -> Finding:
    """Look at some stored files: all of them by size, and as many as take a moment byte by byte."""
    left, read, bad = _MOST_BYTES, 0, list[str]()
    try:
        for each in kept:
            is_read = each["size"] <= left
            left, read = left - each["size"] * is_read, read + is_read
            if not _is_whole(blobs, each, is_read=is_read):
                bad.append(bytes(each["digest"]).hex())
    except StorageFailed as error:
        return Finding(name, State.FAIL, error.message)
    if bad:
        mend = "Restore them from a backup; `lading artifacts verify` lists all that is missing or damaged."
        return Finding(name, State.FAIL, f"{len(bad)} of {len(kept)} are not whole, such as {bad[0]}{note}", mend)
    return Finding(name, State.OK, f"{len(kept)} looked at, {read} of them read again{note}")


def _is_whole(blobs: BlobStore, kept: Row, *, is_read: bool) -> bool:
    key, size = kept["blob_key"], kept["size"]
    if is_read:
        return blobs.is_whole(key, size=size, sha256=bytes(kept["digest"]).hex())
    return blobs.exists(key) and blobs.size(key) == size


async def _server(url: str | None) -> Finding:
    if url is None:
        return Finding("API server", State.WARN, "is just starting", "Ask again in a few seconds.")
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=5.0) as client:
            answer = await client.get(f"{url}/readyz")
    except httpx2.HTTPError as error:
        return Finding(
            "API server", State.FAIL, f"{url} does not answer ({type(error).__name__})", "Restart `lading up`."
        )
    if answer.status_code != 200:
        return Finding(
            "API server", State.FAIL, f"{url} answers {answer.status_code}", "Look into its log; restart `lading up`."
        )
    return Finding("API server", State.OK, url)
