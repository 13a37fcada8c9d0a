"""
How each route of the API is tried across tenants: what paths, filters and bodies name that is somebody else's.

`test_crossing` fails for a route that these tables don't know how to try: add its path parameters to PATHS, its
filters to QUERIES and, if it takes a body with required fields, how to make one to BODIES.  Whatever names something
comes twice: with what is the victim's, and with what nobody has; the answers must be the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from lading import ids
from lading.api.routing import Route
from serving import PROFILE

NAME = "hemmelig"
"""What the victim calls its profile, source, destination, file, provider, policy and schedule."""
MARK = "HEMMELIG"
"""What stands in every free text of the victim's."""
PERIOD = {"from": "2024-01-01", "to": "2024-12-31"}

Names = Mapping[str, str]


@dataclass(frozen=True)
class Attempt:
    """One request; `sent` is what of the victim's it names itself."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict[str, str])
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query or ''}".strip()


def strangers() -> dict[str, str]:
    """Return what is called like the victim's things, and is nobody's."""
    new = {word: ids.show(prefix, ids.new()) for word, prefix in _PREFIXES.items()}
    words = {
        "tile": "0/001",
        "kind": "noop",
        "fault_class": "timeout",
        "code": "unknown-code",
        "email": "ukjent@x.example",
    }
    names = dict.fromkeys(("name", "slug", "run_name"), "ukjentes") | {"rule": "profile:ukjentes"}
    numbers = {"digest": "0" * 64, "fingerprint": "0" * 16, "token": "ldl_" + "0" * 43}
    return {**new, **words, **names, **numbers, "subject": new["export_id"], "requested_by": ids.show("key", ids.new())}


_PREFIXES = {
    "export_id": "exp", "job_id": "job", "run_id": "run", "pause_id": "pau", "key_id": "key", "member_id": "mem",
    "hold_id": "hld", "schedule_id": "sch", "webhook_id": "whk", "delivery_id": "dlv", "message_id": "msg",
}  # fmt: skip

# Parameter of a path to the word for its value; None: the same for everybody.
PATHS: dict[str, str] = {
    **{name: name for name in _PREFIXES},
    **{name: name for name in ("name", "digest", "rule", "kind", "slug", "fault_class", "token", "tile")},
    "source": "name",
}

# Filter to the word for its value; None: says nothing of anybody's things.
QUERIES: dict[str, str | None] = {
    **dict.fromkeys(("limit", "wait", "activate", "page", "lifted", "held", "over", "removed", "first", "count"), None),
    **dict.fromkeys(("period_from", "period_to", "created_from", "created_to", "died_from", "died_to", "at"), None),
    **dict.fromkeys(("older_than_seconds", "newer_than_seconds", "quiet_seconds", "media_type", "topic", "sort"), None),
    **dict.fromkeys(("revision", "status", "state", "type", "waiting_for", "kind", "format", "q", "text"), None),
    **dict.fromkeys(("paused", "failing", "outcome", "order", "n", "from", "to", "index", "size", "epoch"), None),
    "profile": "name", "source": "name", "name": "run_name", "subject": "subject", "run": "run_id",
    "export": "export_id", "digest": "digest", "code": "code", "fingerprint": "fingerprint", "after": None,
    "schedule": "schedule_id", "requested_by": "requested_by", "destination": "name", "cursor": None,
}  # fmt: skip


def _export(names: Names) -> dict[str, Any]:
    return {"profile": names["name"], "period": PERIOD}


def _schedule(names: Names) -> dict[str, Any]:
    return {"cron": "0 3 * * *", "payload": {"profile": names["name"]}, "period": "previous-month"}


BODIES: dict[str, Callable[[Names], Any]] = {
    "createExport": lambda names: {**_export(names), "parameters": {}},
    "checkExport": _export,
    "createBundle": lambda names: {"export": names["export_id"]},
    "createBufdirExport": lambda names: {
        "org_id": names["slug"], "format": "csv", "period_from": "2024-01-01", "period_to": "2024-12-31",
    },
    "putProfile": lambda names: {**PROFILE, "profile": names["name"]},
    "activateProfile": lambda _: {"revision": 1},
    "previewProfile": lambda _: {"period": PERIOD},
    "putPolicy": lambda names: {"policy": names["name"], "rules": []},
    "activatePolicy": lambda _: {"revision": 1, "reason": "crossing"},
    "tryPolicy": lambda names: {"export": _export(names)},
    "putSchedule": _schedule,
    "patchSchedule": lambda names: {"payload": _export(names)},
    "previewScheduleDocument": _schedule,
    "putRetentionRule": lambda _: {"days": 1, "reason": "crossing"},
    "createJob": lambda names: {"kind": "noop", "source": names["name"], "subject": names["export_id"]},
    "createJobs": lambda names: {"jobs": [{"kind": "export", "payload": _export(names), "source": names["name"]}]},
    "steerJobs": lambda names: {
        "action": "cancel", "dry_run": False, "filter": {"run": names["run_id"]}, "reason": "crossing",
    },
    "prioritiseJob": lambda _: {"priority": 100, "reason": "crossing"},
    "createRun": lambda names: {
        "name": "x", "nodes": [{"key": "a", "kind": "export", "payload": _export(names), "source": names["name"]}],
    },
    "replayRun": lambda _: {"from": "failed", "reason": "crossing"},
    "putRateLimit": lambda _: {"rate": 1.0, "burst": 1.0, "reason": "crossing"},
    "putRetryPolicy": lambda _: {"max_attempts": 1, "base_seconds": 1.0, "cap_seconds": 1.0, "reason": "crossing"},
    "createPause": lambda names: {"scope": "job", "target": names["job_id"], "reason": "crossing"},
    "setThrottle": lambda names: {
        "scope": "job", "target": names["job_id"], "until": "2099-01-01T00:00:00Z", "reason": "crossing",
    },
    "liftThrottle": lambda names: {"scope": "source", "target": names["name"], "reason": "crossing"},
    "eraseOpenings": lambda names: {"subject": names["export_id"], "reason": "crossing"},
    "placeHold": lambda names: {"export": names["export_id"], "reason": "crossing"},
    "createKey": lambda _: {"name": "own", "role": "viewer"},
    "addMember": lambda names: {"role": "viewer", "email": names["email"]},
    "changeMember": lambda _: {"role": "viewer"},
    "putIdentityProvider": lambda names: {"issuer": f"https://{names['name']}.own.example", "audience": "own"},
    "putSource": lambda _: {"credentials_ref": "env:NOWHERE"},
    "patchSource": lambda _: {"timeout_seconds": 7},
    "patchDestination": lambda _: {"timeout_seconds": 7},
    "patchWebhook": lambda _: {"description": "crossed"},
    "putDestination": lambda _: {"kind": "s3", "options": {"bucket": "own-bucket"}, "credentials_ref": "env:X"},
    "putAllocation": lambda _: {"strategy": "unlimited", "reason": "crossing"},
    "createWebhook": lambda _: {"url": "https://own.example/hooks"},
    "putWebhook": lambda _: {"url": "https://own.example/hooks"},
    "createTenant": lambda _: {"slug": "eget", "name": "Eget"},
    "renameTenant": lambda _: {"name": "Annet"},
}  # fmt: skip
"""How to make the body of a route whose fields have no defaults."""


def unknown(route: Route) -> list[str]:
    """Return what of a route the tables above do not know how to try."""
    paths = [f"path {name}" for name in parameters(route, "path") if name not in PATHS]
    queries = [f"filter {name}" for name in parameters(route, "query") if name not in QUERIES]
    is_bodiless = route.name in BODIES or route.body_field is None or _default_body(route) is not None
    return paths + queries + ([] if is_bodiless else ["body"])


def attempts(route: Route, names: Names, cursors: Mapping[str, str]) -> Iterator[Attempt]:
    """Yield the requests that try a route with the things that `names` names."""
    (method,) = route.methods
    path = route.path.replace(":path}", "}").format_map(
        {name: names[PATHS[name]] for name in parameters(route, "path")}
    )
    body = BODIES[route.name](names) if route.name in BODIES else _default_body(route)
    yield Attempt(method, path, body=body)
    for name in parameters(route, "query"):
        word = QUERIES[name]
        if word is not None:
            yield Attempt(method, path, {name: names[word]}, body)
        elif name == "cursor" and route.path in cursors:
            yield Attempt(method, path, {name: cursors[route.path]}, body)


def parameters(route: Route, place: str) -> list[str]:
    """Return the names of a route's parameters in `path` or `query`."""
    held = [route.dependant]
    for each in held:
        held += each.dependencies
    return [str(found.alias) for each in held for found in getattr(each, f"{place}_params")]


def _default_body(route: Route) -> dict[str, Any] | None:
    """Return a body of a route that can be made without knowing it; None when it takes none, or when it can't."""
    if route.body_field is None:
        return None
    shape = route.body_field.field_info.annotation
    shape = next((each for each in get_args(shape) if dataclasses.is_dataclass(each)), shape)
    if not dataclasses.is_dataclass(shape):
        return None
    fields = dataclasses.fields(shape)
    if any(each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING for each in fields):
        return None
    return {"reason": "crossing"} if any(each.name == "reason" for each in fields) else {}
