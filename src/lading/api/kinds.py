"""The kinds of jobs that this Lading knows, and what people see of their payloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from lading import ids
from lading.exports.deliveries import JOB_KIND as DELIVERY_KIND
from lading.exports.model import JOB_KIND
from lading.exports.parts import JOB_KIND as PART_KIND
from lading.jobs.kinds import NOOP, Kind, Kinds
from lading.webhooks.store import JOB_KIND as WEBHOOK_KIND


def _export(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"export": ids.show(ids.EXPORT, UUID(payload["export"]))}


def _part(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_export(payload), "part": payload["part"]}


def _delivery(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    task = "remove what was left half done" if payload.get("abandon") is True else "deliver"
    return {**_export(payload), "destination": payload["destination"], "task": task}


def _webhook(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "webhook": ids.show(ids.WEBHOOK, UUID(payload["webhook"])),
        "message": ids.show(ids.MESSAGE, UUID(payload["message"])),
    }


EXPORT: Final = Kind(JOB_KIND, "Makes the package of an export; ask for one with `POST /api/v1/exports`.", _export)
PART: Final = Kind(PART_KIND, "Reads and maps one part of an export; exports that are read in parts make them.", _part)
DELIVERY: Final = Kind(
    DELIVERY_KIND,
    "Brings the package of an export to a destination; name `destinations` with the export, or redeliver it.",
    _delivery,
)
WEBHOOK: Final = Kind(WEBHOOK_KIND, "Tells a webhook of an event; events make them.", _webhook)
KINDS: Final[Kinds] = {kind.name: kind for kind in (EXPORT, PART, DELIVERY, WEBHOOK, NOOP)}
