"""
Answers as ready bytes, and the conditional-request rules of RFC 9110.

A dataclass goes straight to JSON; the framework validates nothing on the way out (the types already did), which is
more than half of what a list costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from starlette.responses import Response

from lading.db.versions import Version, Wanted
from lading.errors import InvalidInput
from lading.sources.model import Check
from lading.wire import sources as wire
from lading.wire.exports import Export

FINAL: Final = frozenset({"completed", "failed", "cancelled", "expired"})
MAX_WAIT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 1
_VERSION: Final = re.compile(r'"v(\d{1,18})"', re.ASCII)
_PREFER_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])")


def shown(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `value`, a wire dataclass, as JSON."""
    return Response(_adapter(type(value)).dump_json(value), status, headers, "application/json")


def edited(value: Any, version: int, *, status: int = 200) -> Response:
    """Return a thing that is edited, with the version that its next change names."""
    return shown(value, status=status, headers={"ETag": f'"v{version}"'})


def trial(found: Iterable[Check]) -> Response:
    """Return what trying a place found out: whether it can be used, and each thing that was looked at."""
    checks = [wire.Check(each.name, each.is_ok, each.detail) for each in found]
    return shown(wire.SourceReport(all(each.ok for each in checks), checks))


def export(value: Export, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an export with its version as ETag, and, while it goes on, when to look again."""
    return shown(value, status=status, headers={**of_export(value), **(headers or {})})


def of_export(value: Export) -> dict[str, str]:
    """Return the headers of an export's current state."""
    found = {"ETag": etag(value)}
    if not is_final(value):
        found["Retry-After"] = str(POLL_SECONDS)
    return found


def etag(value: Export) -> str:
    """Return the entity tag of an export's current state."""
    return f'"v{value.version}"'


def is_final(value: Export) -> bool:
    """Tell whether nothing more happens by itself; a state this code does not know goes on."""
    return value.status in FINAL


def matches(header: str | None, tag: str) -> bool:
    """
    Tell whether an If-None-Match header names `tag`, by weak comparison.

    >>> matches('W/"v1", "v2"', '"v2"'), matches("*", '"v2"'), matches('"v1"', '"v2"'), matches(None, '"v2"')
    (True, True, False, False)
    """
    if header is None:
        return False
    given = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in given or tag in given


def expected_version(header: str | None) -> int | None:
    """
    Return the version that an If-Match header names, None for any; InvalidInput when it is no tag of ours.

    >>> expected_version('"v3"'), expected_version("*"), expected_version(None)
    (3, None, None)
    """
    if header is None or header.strip() == "*":
        return None
    found = _VERSION.fullmatch(header.strip())
    if found is None:
        raise InvalidInput.field("If-Match", 'is not the ETag of an earlier answer, such as "v3".')
    return int(found[1])


def precondition(if_match: str | None, if_none_match: str | None = None) -> Version:
    """
    Return which version a change is meant for, by its two headers; InvalidInput when they are none of ours.

    >>> precondition('"v3"'), precondition("*"), precondition(None), precondition(None, "*")
    (3, <Wanted.EXISTING: 'existing'>, <Wanted.UNSAID: 'unsaid'>, <Wanted.NEW: 'new'>)
    """
    if if_none_match is not None:
        if if_match is not None or if_none_match.strip() != "*":
            raise InvalidInput.field("If-None-Match", "takes * alone, without If-Match: only if there is none yet.")
        return Wanted.NEW
    if if_match is None:
        return Wanted.UNSAID
    named = expected_version(if_match)
    return Wanted.EXISTING if named is None else named


def preferred_wait(header: str | None) -> float | None:
    """
    Return the seconds of a `Prefer: wait=N` header (RFC 7240), at most a minute.

    >>> preferred_wait("respond-async, wait=100"), preferred_wait("handling=lenient"), preferred_wait(None)
    (60.0, None, None)
    """
    found = _PREFER_WAIT.search(header or "")
    return None if found is None else min(float(found[1]), MAX_WAIT_SECONDS)


def idempotency_key(header: str | None) -> str | None:
    """
    Return the key, bare or as a structured string; InvalidInput when it can't be one.

    >>> idempotency_key('"8e03"'), idempotency_key("8e03"), idempotency_key(None)
    ('8e03', '8e03', None)
    """
    if header is None:
        return None
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise InvalidInput.field("Idempotency-Key", "use 1 to 255 printable ASCII characters.")
    return key


@cache
def _adapter(shape: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(shape)
