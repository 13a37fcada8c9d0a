"""
One call to a webhook: the handler of jobs of kind `webhook`.

The call goes through the guard (ADR 0011): to an address that was judged, without redirects, within a deadline, and
little of the answer is read.  2xx is success and nothing else is; 410 disables the webhook; 429 and 503 with
Retry-After are obeyed and cost no attempt, until the webhook has taken nothing for days.

The kind is light: calls take no slot from exports.  They are made in threads, few and in turn (`turns`); who has no
turn soon is put back until there may be one, which costs no attempt either.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final
from uuid import UUID

import lading
from lading import ids
from lading.db.database import Database
from lading.db.transaction import Transaction
from lading.jobs import attempts
from lading.jobs.model import Cancelled, Context, Dead, Done, Fault, Fence, Job, Outcome, Retry, Snooze
from lading.settings import Settings
from lading.sources import guard
from lading.sources.guarded import Distrusted, Door, NoAnswer, TooMuch
from lading.webhooks import rules, store
from lading.webhooks.store import Call
from lading.webhooks.turns import Turns
from lading.webhooks.vault import Vault

_ANSWER_BYTES: Final = 64 << 10
_LONGEST_REST: Final = 3600.0
_BARRED: Final = "webhook-barred"
_GONE: Final = "webhook-gone"
_OVER: Final = Fault("webhook-disabled", "The webhook has failed for days and is disabled now.")
_FAILED: Final = "webhook-failed"
_BUSY: Final = "busy"
# In all and of one webhook; a call that hangs costs a thread and nothing else.
_MOST: Final = 64
_EACH: Final = 8
_PATIENCE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of a call: a status, or why there is none."""

    status: int | None
    error: str = ""
    rest_seconds: float | None = None
    is_barred: bool = False

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class WebhookHandler:
    """Does jobs of kind `webhook` (jobs.model.Handler)."""

    is_light: ClassVar[bool] = True

    def __init__(self, database: Database, settings: Settings, vault: Vault) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._vault: Final = vault
        self._turns: Final = Turns(most=_MOST, each=_EACH)
        self._threads: Final = ThreadPoolExecutor(_MOST, thread_name_prefix="webhook")

    async def run(self, job: Job, context: Context) -> Outcome:
        """Make the call when it is its turn."""
        tenant, webhook_id = context.fence.tenant_id, UUID(job.payload["webhook"])
        if not await self._turns.take(tenant, webhook_id, patience=_PATIENCE_SECONDS):
            return Snooze(self._turns.wait_of(tenant, webhook_id, random.random()), _BUSY)  # noqa: S311 - spread
        way = _Way(partial(self._turns.give_back, tenant, webhook_id))
        try:
            return await self._run(job, context.fence, way)
        finally:
            way.leave()

    async def _run(self, job: Job, fence: Fence, way: _Way) -> Outcome:
        webhook_id, message_id = UUID(job.payload["webhook"]), UUID(job.payload["message"])
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            call = await store.begin(tx, webhook_id, message_id, job.id)
        if call is None:
            return Cancelled("The webhook is disabled or gone, or the message was told.")
        secrets = [self._vault.open(each, fence.tenant_id, webhook_id) for each in call.secrets]
        told = await asyncio.wrap_future(way.follow(self._threads.submit(self._call, call, secrets, way)))
        status = told.status
        if told.is_taken and status is not None:

            async def commit(tx: Transaction) -> None:
                await store.delivered(tx, webhook_id, message_id, job.id, status=status)

            return Done(commit)
        if told.rest_seconds is not None:
            return await self._rest(fence, call, told.rest_seconds)
        return await self._failed(fence, job, call, told)

    async def _rest(self, fence: Fence, call: Call, seconds: float) -> Outcome:
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            is_over = await store.has_failed_for_days(tx, call.webhook_id)
        return Dead(_OVER) if is_over else Snooze(seconds, "rate-limited")

    async def _failed(self, fence: Fence, job: Job, call: Call, told: _Told) -> Outcome:
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            is_over = await store.tried(
                tx, call.webhook_id, call.message_id, job.id, status=told.status, error=told.error
            )
            if told.status == 410:
                await store.disable(tx, call.webhook_id, "gone")
        if told.status == 410:
            return Dead(Fault(_GONE, "The webhook answered 410: it is gone, and disabled now."))
        if is_over:
            return Dead(_OVER)
        if told.is_barred:
            return Dead(Fault(_BARRED, told.error))
        pause = rules.pause(job.failures + 1, random.random())  # noqa: S311 - jitter
        return Retry(Fault(_FAILED, told.error), pause)

    def _call(self, call: Call, secrets: list[bytes], way: _Way) -> _Told:
        origin = guard.origin_of(call.url)
        assert origin is not None
        message_id, now = ids.show(ids.MESSAGE, call.message_id), int(call.at.timestamp())
        source = f"urn:lading:{self._settings.instance}"
        media_type, body = rules.body(call.format, message_id, call.event, origin=source)
        headers = [
            ("Host", str(origin).partition("://")[2]),
            ("Content-Type", media_type),
            ("User-Agent", f"lading/{lading.__version__}"),
            ("webhook-id", message_id),
            ("webhook-timestamp", str(now)),
            ("webhook-signature", rules.signature(message_id, now, body, secrets)),
        ]
        door = Door(origin, self._settings.networks, guard.look_up)
        way.go_through(door)
        try:
            answer = door.call(
                "POST",
                guard.target_of(call.url),
                headers=headers,
                seconds=call.timeout_seconds,
                most_bytes=_ANSWER_BYTES,
                content=body,
            )
        except guard.Barred as barred:
            return _Told(None, f"The webhook leads to {barred}; only public addresses with encryption are called.",
                         is_barred=True)  # fmt: skip
        except Distrusted:
            return _Told(None, "The webhook's certificate does not prove its name.")
        except TooMuch:
            return _Told(None, "The webhook's answer does not end; a few bytes are enough.")
        except NoAnswer as error:
            return _Told(None, f"The webhook did not answer: {error}.")
        finally:
            door.close()
        return _judged(answer.status, answer.headers.get("retry-after", ""))


class _Way:
    """One call on its way: who waits for it may leave, and its turn ends when its thread does."""

    def __init__(self, give_back: Callable[..., None]) -> None:
        self._give_back: Final = give_back
        self._loop: Final = asyncio.get_running_loop()
        self._thread: Future[_Told] | None = None
        self._begun = 0.0
        self._door: Door | None = None
        self._is_left = False

    def follow(self, thread: Future[_Told]) -> Future[_Told]:
        """Return the thread of the call; its end is that of the turn."""
        self._thread, self._begun = thread, self._loop.time()
        thread.add_done_callback(self._ended)
        return thread

    def go_through(self, door: Door) -> None:
        """Call through that door, in the thread, unless who waited has left before."""
        self._door = door
        if self._is_left:
            door.stop()

    def leave(self) -> None:
        """End the call if it goes on; nobody waits for it any more."""
        self._is_left = True
        if self._thread is None:
            self._give_back(seconds=None)
        elif not self._thread.done() and self._door is not None:
            self._door.stop()

    def _ended(self, _thread: Future[_Told]) -> None:
        with suppress(RuntimeError):  # the loop has ended before
            self._loop.call_soon_threadsafe(self._over)

    def _over(self) -> None:
        self._give_back(seconds=self._loop.time() - self._begun)


def _judged(status: int, retry_after: str) -> _Told:
    asked = retry_after.strip()  # of control characters, too, which float would refuse
    if status in (429, 503) and asked.isdecimal() and len(asked) < 10:
        return _Told(status, rest_seconds=min(_LONGEST_REST, max(1.0, float(asked))))
    return _Told(status, "" if 200 <= status < 300 else f"The webhook answered {status}.")
