"""
The lines of a journal: what an entry begins with, what is added to it, and what can be read of a damaged one.  Pure.

A line is a JSON object, a space and the first digits of its SHA-256, so that one that was torn or changed is known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lading.client.target import Target

MOST_REQUESTS: Final = 10_000
MOST_BYTES: Final = 64 << 20
_VERSION: Final = 1


@dataclass(slots=True)
class Item:
    """
    One export of an entry: what it asks for, at which try, and how far it came; `end` is done, failed or None.

    The request is empty when its line was damaged.
    """

    request: dict[str, Any]
    number: int = 0
    export: str | None = None
    end: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an entry begins with: whom it asks, as whom (`account` is the tenant of the token), and where files go."""

    key: str
    server: str
    tenant: str | None
    account: str
    folder: str | None
    began: float
    is_batch: bool = False

    def key_of(self, index: int, number: int) -> str:
        """
        Return the idempotency key of an item's try: the same after every restart.

        >>> plan = Plan("idm_1", "http://lading.test", None, "", None, 0.0)
        >>> plan.key_of(0, 0), plan.key_of(7, 2)
        ('idm_1', 'idm_1.7.2')
        """
        return self.key if (index, number) == (0, 0) else f"{self.key}.{index}.{number}"

    def is_of(self, target: Target, account: str) -> bool:
        """Tell whether it was asked of this server, for this tenant, on behalf of this one."""
        return (self.server, self.tenant, self.account) == (target.url, target.tenant, account)


def begun(plan: Plan, requests: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the lines that an entry begins with."""
    head = {
        "lading": _VERSION, "key": plan.key, "server": plan.server, "tenant": plan.tenant, "account": plan.account,
        "folder": plan.folder, "began": plan.began, "batch": plan.is_batch, "items": len(requests),
    }  # fmt: skip
    lines = ({"item": index, "try": 0, "request": request} for index, request in enumerate(requests))
    return b"".join(map(line, (head, *lines)))


def line(facts: Mapping[str, Any]) -> bytes:
    """Return one line that says `facts`, and its sum."""
    text = json.dumps(facts, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return f"{text} {_sum(text)}\n".encode("ascii")


def parse(data: bytes) -> tuple[Plan, list[Item], int] | None:
    """Return the plan, the items as they stand and how many lines are damaged; None if the first one is."""
    parsed = [_parsed(each) for each in data.split(b"\n") if each.strip()]
    head = parsed[0] if parsed else None
    plan = None if head is None else _plan(head)
    if head is None or plan is None:
        return None
    items = [Item({}) for _ in range(head["items"])]
    damaged = sum(each is None or not _apply(items, each) for each in parsed[1:])
    return plan, items, damaged


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _plan(head: Mapping[str, Any]) -> Plan | None:
    try:
        plan = Plan(
            head["key"], head["server"], head["tenant"], head["account"], head["folder"], head["began"], head["batch"]
        )
        is_sound = (
            head["lading"] == _VERSION
            and all(isinstance(each, str) for each in (plan.key, plan.server, plan.account))
            and isinstance(plan.tenant, str | None)
            and isinstance(plan.folder, str | None)
            and isinstance(head["items"], int)
            and 0 < head["items"] <= MOST_REQUESTS
        )
    except KeyError:
        return None
    return plan if is_sound else None


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return what a line says, None if it is not as it was written."""
    text, _, told = line.decode("ascii", "replace").rpartition(" ")
    if _sum(text) != told:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _apply(items: list[Item], facts: Mapping[str, Any]) -> bool:
    """Take one line into `items`; False if it fits none."""
    index = facts.get("item")
    if not isinstance(index, int) or not 0 <= index < len(items):
        return False
    item = items[index]
    match facts:
        case {"try": int(number)}:
            request = facts.get("request", item.request)
            if not isinstance(request, dict):
                return False
            items[index] = Item(request, number)
        case {"export": str(export)}:
            item.export = export
        case {"path": str(path)}:
            item.path = path
        case {"end": "done" | "failed" as end}:
            item.end = end
        case _:
            return False
    return True
