"""
One call to a webhook: the handler of jobs of kind `webhook`.

The call goes through the guard (ADR 0011): to an address that was judged, without redirects, within a deadline, and
little of the answer is read.  2xx is success and nothing else is; 410 disables the webhook; 429 and 503 with
Retry-After are obeyed and cost no attempt, until the webhook has taken nothing for days.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final
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
from lading.webhooks.vault import Vault

_ANSWER_BYTES: Final = 64 << 10
_LONGEST_REST: Final = 3600.0
_BARRED: Final = "webhook-barred"
_GONE: Final = "webhook-gone"
_OVER: Final = Fault("webhook-disabled", "The webhook has failed for days and is disabled now.")
_FAILED: Final = "webhook-failed"


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

    def __init__(self, database: Database, settings: Settings, vault: Vault) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._vault: Final = vault

    async def run(self, job: Job, context: Context) -> Outcome:
        """Make the call."""
        fence = context.fence
        webhook_id, message_id = UUID(job.payload["webhook"]), UUID(job.payload["message"])
        async with self._database.tenant(fence.tenant_id) as tx:
            await attempts.guard(tx, fence)
            call = await store.begin(tx, webhook_id, message_id, job.id)
        if call is None:
            return Cancelled("The webhook is disabled or gone, or the message was told.")
        secrets = [self._vault.open(each, fence.tenant_id, webhook_id) for each in call.secrets]
        told = await asyncio.to_thread(self._call, call, secrets)
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

    def _call(self, call: Call, secrets: list[bytes]) -> _Told:
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


def _judged(status: int, retry_after: str) -> _Told:
    if status in (429, 503) and retry_after.strip().isdecimal() and len(retry_after) < 10:
        return _Told(status, rest_seconds=min(_LONGEST_REST, max(1.0, float(retry_after))))
    return _Told(status, "" if 200 <= status < 300 else f"The webhook answered {status}.")
