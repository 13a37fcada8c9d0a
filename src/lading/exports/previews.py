"""
Previews for people: each in a child process with limits, so that a slow source or a hungry mapping harms nobody.

One at a time for each tenant, two in all per process; more are refused, not queued: somebody waits for the answer.
Nothing is stored, and the child ends with its answer or its time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any, Final
from uuid import UUID

from lading.errors import Conflict, ProfileInvalid
from lading.exports.model import Plan
from lading.settings import Settings
from lading.sources.model import Source
from lading.wire.profiles import Preview, PreviewAttachments, PreviewFault, PreviewRow

MOST_ROWS: Final = 50
_LOG: Final = logging.getLogger("lading.exports")
_AT_ONCE: Final = 2
_LONGEST_SECONDS: Final = 60
_START_SECONDS: Final = 15
_COMMAND: Final = (sys.executable, "-m", "lading.exports.preview_child")


class Previews:
    """The previews that run in this process."""

    def __init__(self) -> None:
        self._tenants: Final[set[UUID]] = set()

    async def make(
        self, source: Source, document: Mapping[str, Any], plan: Plan, *, settings: Settings, rows: int
    ) -> Preview:
        """Return the first `rows` rows of `source` through `document`; Conflict while too many are being made."""
        if source.tenant_id in self._tenants or len(self._tenants) >= _AT_ONCE:
            raise Conflict("A preview is being made already; wait for its answer, then try again.")
        self._tenants.add(source.tenant_id)
        try:
            answer = await self._asked(source, document, plan, settings, rows)
        finally:
            self._tenants.discard(source.tenant_id)
        return _shape(answer, plan)

    async def _asked(
        self, source: Source, document: Mapping[str, Any], plan: Plan, settings: Settings, rows: int
    ) -> dict[str, Any]:
        seconds = min(source.timeout_seconds, _LONGEST_SECONDS)
        task = {
            "source": {**asdict(source), "tenant_id": str(source.tenant_id), "timeout_seconds": seconds},
            "document": dict(document),
            "parameters": dict(plan.parameters),
            "period": {"period_from": plan.period_from, "period_to": plan.period_to},
            "keys_dir": str(settings.keys_dir),
            "networks": [str(network) for network in settings.networks],
            "rows": rows,
            "attachments": plan.include_attachments,
            "seconds": seconds + _START_SECONDS,
        }
        child = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        )
        try:
            async with asyncio.timeout(seconds + _START_SECONDS):
                said, _ = await child.communicate(json.dumps(task, default=_plain).encode())
        except TimeoutError:
            raise Conflict(
                f"The preview did not end within {seconds} seconds; choose a shorter period, or an index at the source."
            ) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        return _understood(said, child.returncode)


def _understood(said: bytes, status: int | None) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError:
        _LOG.warning("preview.failed", extra={"status": status})
        raise Conflict("The preview ended without an answer; the server's log has its status. Try again.") from None
    if "preview" in answer:
        return answer["preview"]
    if answer["code"] == ProfileInvalid.code:
        raise ProfileInvalid(answer["message"])
    raise Conflict(answer["message"])


def _shape(answer: Mapping[str, Any], plan: Plan) -> Preview:
    rows = [
        PreviewRow(each["row"], each["outcome"], each["cells"], [PreviewFault(**fault) for fault in each["errors"]])
        for each in answer["rows"]
    ]
    papers = PreviewAttachments(**answer["attachments"]) if "attachments" in answer else None
    return Preview(plan.profile, plan.revision or None, answer["columns"], rows, answer["consistency"], papers)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
