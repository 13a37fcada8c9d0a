"""
Requests that may be sent twice: the header with their key, and what tells one from another under the same key.

`jobs.keys` binds a key to what was made, in the transaction that makes it, and refuses it for another request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header

from lading import ids

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Same key and body: nothing is made twice. Same key, other body: 422.",
    ),
]


def digest(route: str, request: Mapping[str, Any]) -> bytes:
    """
    Return what tells this request to `route` from all others; the order of its fields does not.

    >>> digest("jobs", {"a": 1, "b": 2}) == digest("jobs", {"b": 2, "a": 1}) != digest("runs", {"a": 1, "b": 2})
    True
    """
    return hashlib.sha256(f"{route}\0{json.dumps(request, sort_keys=True)}".encode()).digest()


def part(key: str, job_id: UUID) -> str:
    """Return the key of what a request with `key` does to one of many jobs."""
    return hashlib.sha256(f"{key}\0{ids.show(ids.JOB, job_id)}".encode()).hexdigest()
