"""
The light executor: the child process in which light jobs run, many at once, claimed and settled by itself.

It hears what the supervisor says on its standard input and answers on its standard output, one JSON object per line:

    {"lease": id}                         →  claims on this lease from now on
    {"cancel": {"job", "reason"}}         →  that job stops
    {"drain": true}                       →  {"drained": true} as soon as nothing is held any more
                                          …  {"alive": held} every second, {"hint": channel}

Two pumps exchange what is done for what is next, so that the database settles one half while the other half runs.
While both are at it, or all places are taken, a third claims what came meanwhile, a few jobs at a time, for tenants
that hold few or none (`pace.beside`): who floods has neither all the places nor all the time.
Heartbeats are the supervisor's; it kills this process when the lease is lost or when it falls silent, and settles what
was left: each of those jobs runs alone from then on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from lading import failpoints, ids
from lading.db import notify
from lading.db.database import Database
from lading.errors import DatabaseBusy, DatabaseUnavailable
from lading.jobs import batches
from lading.jobs.batches import Started
from lading.jobs.marks import Marks
from lading.jobs.model import Endings, Handlers, Outcome
from lading.worker import execute, pace
from lading.worker.channel import commands, keep_output_to_ourselves, say
from lading.worker.crew import Crew
from lading.worker.look import Look
from lading.worker.places import Places
from lading.worker.way import MOST_SECONDS, Way

_LOG: Final = logging.getLogger("lading.worker")
_UNSETTLED: Final = 70
_PUMPS: Final = 2
_POLL_SECONDS: Final = 1.0
_SETTLE_SECONDS: Final = 0.05
"""How long a job that is done waits for others to be settled with."""
_SETTLED_BESIDE: Final = 128
_PIECE: Final = 100
"""Of so many jobs values are made at a time: half a millisecond."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """What an exchange settles and asks for; given `without` it is one beside the big ones."""

    ended: Sequence[Started]
    room: int
    slow: int = 0
    without: frozenset[int] | None = None


class LightExecutor:
    """Runs the jobs of light kinds."""

    def __init__(
        self, database: Database, handlers: Handlers, endings: Endings, *, most: int, exchanges: Database | None = None
    ) -> None:
        """Take, besides the database, the same opened for system transactions that hold turns: `exchanges`."""
        self._database: Final = database
        self._exchanges: Final = exchanges or database
        self._is_hurried: Final = exchanges is not None
        self._handlers: Final = handlers
        self._endings: Final = endings
        self._places: Final = Places(most)
        self._pace = pace.first(most)
        self._marks: Final = Marks(time.monotonic)
        self._marks_beside: Final = Marks(time.monotonic)
        self._sender: Final = notify.Sender(database)
        self._loop: Final = asyncio.get_running_loop()
        self._stir: Final = asyncio.Event()
        self._claiming: Final = asyncio.Lock()
        self._lease: UUID | None = None
        self._left_out: frozenset[int] = frozenset()
        self._exchanging = 0
        self._look: Final = Look(self._loop.time)
        self._look_beside: Final = Look(self._loop.time)
        self._is_draining = False
        self._single: Final[set[asyncio.Task[None]]] = set()
        self._crew: Final = Crew(
            handlers,
            on_change=self._stir.set,
            on_end=self._settle_alone,
            on_error=_give_up,
            send=lambda channel: say({"hint": channel}),
        )
        self._way: Final = Way(self._loop.time, on_given=self._crew.rest, on_clear=self._crew.go_on)

    async def serve(self) -> None:
        """Serve until the input ends."""
        keep_output_to_ourselves()
        heard = commands(self._loop)
        say({"ready": os.getpid()})
        async with notify.Hearer(self._database.url, notify.JOBS) as hearer:
            tasks = [asyncio.create_task(self._pump()) for _ in range(_PUMPS)]
            tasks += [asyncio.create_task(each) for each in (self._beside(), self._listen(hearer), self._live())]
            for task in tasks:
                task.add_done_callback(_ended)
            while True:
                self._obey(await heard.get())

    def _obey(self, command: Mapping[str, Any]) -> None:
        if "lease" in command:
            self._lease = UUID(command["lease"])
        elif "cancel" in command:
            self._crew.cancel(UUID(command["cancel"]["job"]), command["cancel"]["reason"])
        elif "drain" in command:
            self._is_draining = True
            self._crew.drain()
        self._stir.set()

    async def _listen(self, hearer: notify.Hearer) -> None:
        """Look as soon as somebody says that there is work."""
        seen = hearer.generation(notify.JOBS)
        while True:
            if await hearer.wait(notify.JOBS, seen, 60.0):
                seen = hearer.generation(notify.JOBS)
                self._look_again()

    def _look_again(self) -> None:
        self._look.again()
        self._look_beside.again()
        self._stir.set()

    async def _live(self) -> None:
        """Say every second that the loop goes round, and how many jobs are held."""
        while True:
            say({"alive": self._places.taken})
            await asyncio.sleep(1.0)

    # --- exchanging -------------------------------------------------------------------------------

    async def _pump(self) -> None:
        while True:
            room = await self._turn()
            # The other pump need not look, too: what there is for an idle worker is mostly one job.
            begun = self._look.begin() if room else 0
            self._exchanging += 1
            try:
                got = await self._swap(_Ask(self._crew.take_done(), room, self._crew.running))
            finally:
                self._exchanging -= 1
            if room:
                self._look.end(begun, asked=room, got=got)
            self._stir.set()

    async def _beside(self) -> None:
        while True:
            await self._turn_beside()
            # Pumps that are busy settle what is done right afterwards; here it would only keep newcomers waiting.
            ended = self._crew.take_done(_SETTLED_BESIDE) if self._exchanging < _PUMPS else ()
            beside = self._places.beside(ended)
            self._left_out, begun = beside.without, self._look_beside.begin()
            self._give_way()
            got = await self._swap(_Ask(ended, beside.limit, without=beside.without))
            self._way.leave(got)
            self._look_beside.end(begun, asked=beside.limit, got=got)
            self._stir.set()

    def _give_way(self) -> None:
        if self._way.ask():
            self._loop.call_later(MOST_SECONDS, self._way.expire)

    async def _swap(self, ask: _Ask) -> int:
        """Exchange, run what came of it, and return how many that are."""
        with self._places.kept(ask.ended, ask.room):
            exchanged = await self._exchange(ask)
        self._look_who_was_left_out()
        self._places.hold(exchanged)
        self._crew.give(exchanged)
        return len(exchanged)

    def _look_who_was_left_out(self) -> None:
        """Look beside again when one that was left out for holding too many holds few by now."""
        if self._left_out and not self._left_out <= self._places.beside().without:
            self._look_beside.at = 0.0

    async def _turn(self) -> int:
        """Wait until there is a reason to exchange; return for how many jobs there is room."""
        while True:
            await self._way.wait()
            self._stir.clear()
            now, done = self._loop.time(), self._crew.done
            room = self._room(done)
            wait = self._wait(now, done, room)
            if wait <= 0:
                return room if now >= self._look.at or done else 0
            if self._is_draining and not self._places.taken:
                say({"drained": True})
            try:
                async with asyncio.timeout(wait):
                    await self._stir.wait()
            except TimeoutError:
                continue

    @property
    def _pace_now(self) -> pace.Pace:
        return self._pace.gentle() if self._way.is_wanted else self._pace

    def _room(self, done: int) -> int:
        if self._is_draining or self._lease is None:
            return 0
        return self._pace_now.room(self._places.taken - done, slow=self._crew.running)

    def _wait(self, now: float, done: int, room: int) -> float:
        """Return how many seconds there is no reason to exchange yet."""
        slow = self._crew.running
        if done:
            is_worth_it = self._crew.is_idle or self._pace_now.is_worth_it(done, slow=slow)
            return 0.0 if is_worth_it else self._crew.done_since + _SETTLE_SECONDS - now
        return self._look.at - now if room >= self._pace_now.share(slow) else _POLL_SECONDS

    async def _turn_beside(self) -> None:
        """Wait until there is a reason to claim beside the pumps: they are busy or would not look for so few."""
        while True:
            self._stir.clear()
            slow, done, wait = self._crew.running, self._crew.done, _POLL_SECONDS
            is_needed = self._exchanging == _PUMPS or self._room(done) < self._pace_now.share(slow)
            if is_needed and not self._is_draining and self._lease is not None and self._places.beside().limit:
                wait = self._look_beside.at - self._loop.time()
            if wait <= 0:
                return
            try:
                async with asyncio.timeout(wait):
                    await self._stir.wait()
            except TimeoutError:
                continue

    async def _exchange(self, ask: _Ask) -> Sequence[Started]:
        """Settle, claim and start; return what was started.  An answer that was lost is looked up."""
        batch_id, lease, failures, ended, limit = ids.new(), self._lease, 0, ask.ended, ask.room
        held, is_beside = _Watch(), ask.without is not None
        if lease is None:
            return ()
        while True:
            try:
                if failures:
                    async with self._exchanges.system() as tx:
                        kept = await batches.held(tx, lease, batch_id=batch_id)
                    if kept:
                        return kept
                async with AsyncExitStack() as queue, self._exchanges.system() as tx:

                    async def follow(queue: AsyncExitStack = queue) -> None:
                        await queue.enter_async_context(self._claiming)
                        await self._way.wait()

                    exchanged = await batches.exchange(
                        tx,
                        lease_id=lease,
                        kinds=list(self._handlers),
                        limit=limit,
                        ended=ended,
                        batch_id=batch_id,
                        marks=self._marks_beside if is_beside else self._marks,
                        is_hurried=self._is_hurried,
                        queue=None if is_beside else follow,
                        on_turns=held.start,
                        without=None if ask.without is None else [UUID(int=owner) for owner in ask.without],
                    )
                    failpoints.reach("exchanging")
            except DatabaseBusy:
                # Another worker holds the turn, or a lock; what is done is settled at once, then it is looked again.
                failures += 1
                if ended:
                    limit = 0
                    (self._look_beside if is_beside else self._look).again()
            except DatabaseUnavailable as error:
                failures += 1
                if failures == 1:
                    _LOG.warning("database.unavailable", extra={"reason": error.message})
                await asyncio.sleep(random.uniform(0.1, min(5.0, 0.1 * 2 ** min(failures, 8))))  # noqa: S311 - jitter
            else:
                if limit and held.seconds is not None and not is_beside:
                    # Waiting for turns that others hold is no slowness.
                    got = exchanged.count
                    self._pace = self._pace.after(held.seconds, asked=limit, got=got, slow=ask.slow)
                started: list[Started] = []
                for piece in exchanged.pieces(_PIECE):
                    await asyncio.sleep(0)  # the other pump asks for turns meanwhile
                    if not is_beside:
                        await self._way.wait()
                    started += piece
                return started

    # --- one by one -------------------------------------------------------------------------------

    def _settle_alone(self, started: Started, outcome: Outcome | None, attempt: execute.Attempt | None) -> None:
        """Settle what is not simply done; what is not ours any more is let go."""
        task = self._loop.create_task(self._settle(started, outcome, attempt))
        self._single.add(task)
        task.add_done_callback(self._single.discard)
        task.add_done_callback(_failed)

    async def _settle(self, started: Started, outcome: Outcome | None, attempt: execute.Attempt | None) -> None:
        job, fence = started
        if outcome is not None:
            await execute.settle(self._database, self._endings, fence, outcome, kind=job.kind)
            if attempt is not None:
                attempt.hint_again()
        self._places.let_go([started])
        self._look_who_was_left_out()
        self._look_again()  # its end may have made room under a quota


class _Watch:
    """Tells how long ago it was started last."""

    def __init__(self) -> None:
        self._since: float | None = None

    def start(self) -> None:
        self._since = time.monotonic()

    @property
    def seconds(self) -> float | None:
        """Return the seconds since; None when it was not started."""
        return None if self._since is None else time.monotonic() - self._since


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        _give_up(task.exception() or RuntimeError("a pump ended"))


def _failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _give_up(error)


def _give_up(error: BaseException) -> None:
    """End the process: the supervisor settles what a dead child has left."""
    _LOG.error("job.not_settled", exc_info=error)
    os._exit(_UNSETTLED)
